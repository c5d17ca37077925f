# SPDX-License-Identifier: Apache-2.0
"""Many requests to a test cluster's API server as its administrator: kept connections, one for each thread."""

import http.client
import json
import ssl
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from testlib import host
from testlib.kube.client import PATCHES, path_of


class Sessions:
    def __init__(self, cluster, threads=8):
        self._place = urllib.parse.urlsplit(cluster.server).netloc
        self._tls = ssl.create_default_context(cafile=cluster.pki.path("ca.crt"))
        self._tls.load_cert_chain(cluster.pki.path("admin.crt"), cluster.pki.path("admin.key"))
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(threads)

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's JSON; one that is no success raises."""
        data = None if body is None else json.dumps(body)
        try:
            code, text = self._ask(method, path, data, content_type)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            code, text = self._ask(method, path, data, content_type)  # the kept connection had grown too old
        if code >= 300:
            raise host.Failed(f"{method} {path}: {code}: {text.decode()[:400]}")
        return json.loads(text)

    def _ask(self, method, path, data, content_type):
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPSConnection(self._place, context=self._tls, timeout=60)
        try:
            self._own.connection.request(method, path, body=data, headers={"Content-Type": content_type})
            reply = self._own.connection.getresponse()
            return reply.status, reply.read()
        except (http.client.HTTPException, OSError):
            self._own.connection.close()
            del self._own.connection
            raise

    def create(self, item):
        return self.request("POST", path_of(item, named=False), item)

    def merge(self, path, change):
        return self.request("PATCH", path, change, PATCHES["merge"])

    def each(self, do, items):
        """do(item) for all, several at a time; the first that fails raises."""
        return list(self._pool.map(do, items))
