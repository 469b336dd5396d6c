"""A service that starts, answers everything, and is never ready."""

import http.server


class Unready(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"message":"from a pod that is not ready"}'
        self.send_response(503 if self.path == "/readyz" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


http.server.ThreadingHTTPServer(("", 8000), Unready).serve_forever()
