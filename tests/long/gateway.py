"""A gateway before a server: it refuses bodies by their size or their encoding, and calls back before it passes a bulk
request on, so that a test can change the server in the middle of a run."""

import http.client, http.server, json, threading, urllib.parse

BULK = ("_bulk", "_api/import", "_api/document")


class Gateway:
    """For the time of a `with`. `breaker` is the longest body that the server has memory for; `plain` refuses compressed
    bodies; `on_bulk(number)` may answer a bulk request itself, with a status and an object."""

    def __init__(self, to, breaker=None, plain=False, on_bulk=None):
        self.to, self.breaker, self.plain, self.on_bulk = urllib.parse.urlsplit(to), breaker, plain, on_bulk
        self.refused, self.bulks, self.lock = 0, 0, threading.Lock()
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def go(self):
                gateway.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = go

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"

    def __enter__(self):
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.httpd.shutdown()
        self.httpd.server_close()

    def refusal(self, request, body, is_bulk):
        if self.plain and request.headers.get("Content-Encoding") == "gzip":
            return 415, {"error": "unsupported content encoding", "status": 415}
        if is_bulk and self.breaker and len(body) > self.breaker:
            reason = f"[parent] Data too large, data for [<http_request>] would be [{len(body)}], which is larger than the limit"
            if self.kuzzle:
                message = f"circuit_breaking_exception: {reason}"
                return 500, {"status": 500, "error": {"id": "services.storage.unexpected_error", "message": message, "status": 500}, "result": None}
            if self.arangodb:
                return 403, {"error": True, "code": 403, "errorNum": 32, "errorMessage": "resource limit exceeded"}
            return 429, {"status": 429, "error": {"root_cause": [], "type": "circuit_breaking_exception", "reason": reason}}
        if is_bulk and self.on_bulk:
            with self.lock:
                self.bulks += 1
                number = self.bulks
            return self.on_bulk(number, body)
        return None

    kuzzle = arangodb = False

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        is_bulk = any(part in request.path for part in BULK)
        refusal = self.refusal(request, body, is_bulk)
        if refusal:
            self.refused += 1
            self.answer(request, refusal[0], json.dumps(refusal[1]).encode())
            return
        connection = http.client.HTTPConnection(self.to.hostname, self.to.port or 80, timeout=120)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(request.command, request.path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.answer(request, answer.status, text)

    def answer(self, request, status, text):
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(text)
