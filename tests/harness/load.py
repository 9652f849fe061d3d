"""Connections that change rows of a server at random, for tests that kill."""

import contextlib
import random
import threading
import time

import pymysql

LOST = {2002, 2003, 2006, 2013}  # the server is not there, or went away


class Load(threading.Thread):
    """One connection that makes steps until told to pause or end. What the steps are says a
    subclass; the same seed gives the same ones."""

    rolled_back = {1205, 1213}  # errors that are no failure: lock wait, deadlock
    server_may_die = False
    pause = 0.001  # seconds between two steps

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server = server
        self.choose = random.Random(seed)
        self.ended = threading.Event()
        self.gate = threading.Lock()  # held by whoever wants it to pause
        self.transactions = 0
        self.error = None

    def step(self, cursor):
        raise NotImplementedError

    def run(self):
        try:
            while not self.ended.is_set():
                try:
                    self.work()
                except pymysql.err.MySQLError as error:
                    if not self.server_may_die or error.args[0] not in LOST:
                        raise
                    time.sleep(0.1)
        except Exception as error:  # shown by the main thread
            self.error = error

    def work(self):
        cursor = self.server.connect().cursor()
        while not self.ended.is_set():
            with self.gate:
                try:
                    self.step(cursor)
                except pymysql.err.MySQLError as error:
                    if error.args[0] not in self.rolled_back:
                        raise
                    cursor.execute("ROLLBACK")
            time.sleep(self.pause)

    def stop(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error


@contextlib.contextmanager
def paused(workers):
    """None of them is within a transaction."""
    for worker in workers:
        worker.gate.acquire()
    try:
        for worker in workers:
            if worker.error:
                raise worker.error
        yield
    finally:
        for worker in workers:
            worker.gate.release()
