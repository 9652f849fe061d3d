"""A private MinIO server."""

import urllib.error
import urllib.request
from pathlib import Path

from pyarrow import fs

from . import process

ACCESS_KEY = "leat-access"
SECRET_KEY = "leat-s3-" + "canary"  # must never be seen in a log


class Minio:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.port = process.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.start()

    @staticmethod
    def reason_missing():
        return process.missing("minio")

    def start(self):
        self.process = process.Process(
            [process.CACHE / "minio", "server", "--address", f"127.0.0.1:{self.port}",
             self.folder / "data"], self.folder / "minio.log",
            env={"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY,
                 "MINIO_UPDATE": "off", "MINIO_BROWSER": "off", "MINIO_CI_CD": "1"})
        process.wait_until(self.ready, 60, "MinIO")

    def ready(self):
        if not self.process.alive():
            raise RuntimeError(f"MinIO ended:\n{process.tail(self.process.log)}")
        try:
            with urllib.request.urlopen(f"{self.endpoint}/minio/health/ready", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def file_system(self):
        return fs.S3FileSystem(access_key=ACCESS_KEY, secret_key=SECRET_KEY, scheme="http",
                               endpoint_override=f"127.0.0.1:{self.port}", region="us-east-1",
                               allow_bucket_creation=True)

    def create_bucket(self, name):
        self.file_system().create_dir(name)

    def environment(self):
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def stop(self):
        self.process.stop()
