"""An OCI registry of the tests' own, on loopback."""

import socket
import subprocess
import time


class Registry:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        settings = folder / "registry.yml"
        settings.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '{self.name}'}}\n"
        )
        log = (folder / "registry.log").open("w")
        self.process = subprocess.Popen(["docker-registry", "serve", str(settings)], stdout=log, stderr=log)
        self.wait()

    def wait(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the registry did not come up")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
