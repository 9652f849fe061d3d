"""A TCP proxy in front of a server that can stop forwarding without closing anything: what a
client sees when packets are dropped on the way."""

import selectors
import socket
import threading


class Proxy:
    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.dropping = False
        self.over = False
        self.peers = {}
        self.lost = []  # connections of a drop, which stay open and silent
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def drop(self):
        """From here on nothing gets through, of connections old and new."""
        self.dropping = True

    def restore(self):
        """New connections work; those that were there stay dead, as after a NAT forgot them."""
        self.dropping = False

    def close(self):
        self.over = True
        self.thread.join()
        for sock in [self.listener, *self.peers, *self.lost]:
            sock.close()

    def run(self):
        while not self.over:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.forward(key.fileobj)
            if self.dropping and self.peers:
                for sock in self.peers:
                    self.selector.unregister(sock)
                self.lost += self.peers
                self.peers = {}

    def accept(self):
        client, _ = self.listener.accept()
        if self.dropping:
            self.lost.append(client)
            return
        server = socket.create_connection(("127.0.0.1", self.target))
        for one, other in ((client, server), (server, client)):
            self.peers[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def forward(self, sock):
        if self.dropping or sock not in self.peers:
            return
        other = self.peers[sock]
        try:
            data = sock.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for end in (sock, other):
            self.peers.pop(end, None)
            self.selector.unregister(end)
            end.close()
