"""A git server over HTTP that asks for a token, and the two calls of GitHub's API that a promotion makes."""

import base64
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "t0ken-of-the-tests"
BASIC = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        body = self.read_body()
        path = urlsplit(self.path).path
        if path.startswith("/api/"):
            self.answer_api(path.removeprefix("/api/"), body)
        elif self.headers.get("Authorization") != BASIC:
            self.send(401, b"who are you?", {"WWW-Authenticate": "Basic"})
        else:
            self.answer_git(path, body)

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().strip(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer_git(self, path, body):
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REMOTE_USER": "tester",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": urlsplit(self.path).query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, timeout=30, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self.send(status, content, headers)

    def answer_api(self, path, body):
        pulls = self.server.pulls
        self.server.calls.append((self.command, path, self.headers.get("Authorization"), body))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.send_json(401, {"message": "Bad credentials"})
        elif self.server.refusal:
            self.send_json(*self.server.refusal)
        elif self.command == "GET":
            wanted = parse_qs(urlsplit(self.path).query)["head"][0].partition(":")[2]
            self.send_json(200, [pull for pull in pulls if pull["head"] == wanted])
        elif any(pull["head"] == json.loads(body)["head"] for pull in pulls):
            self.send_json(422, {"message": "Validation Failed", "errors": [{"message": "A pull request already exists"}]})
        else:
            pulls.append({**json.loads(body), "html_url": f"https://github.example.com/{path}/{len(pulls) + 1}"})
            self.send_json(201, pulls[-1])

    def send_json(self, status, value):
        self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.calls, self.pulls, self.refusal = folder, [], [], None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()
