"""An HTTP server on loopback, in threads of this process, that answers at once: no request waits for a timer."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers requests by its methods do_GET and do_POST, and logs nothing."""

    disable_nagle_algorithm = True  # a body sent after its head would wait for the client's delayed acknowledgement

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a connection beyond the queue is tried again a second later

    def handle_error(self, request, client_address):
        """Print no error of a client that hung up: the tests read what is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def running(handler: type[Handler]) -> Iterator[str]:
    """Yield the URL of a server that answers by `handler`."""
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
