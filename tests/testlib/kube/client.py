# SPDX-License-Identifier: Apache-2.0
"""Requests to a test cluster's API server, as any user: by kubectl, or by plain HTTP where what matters
is the status code or the time that it takes."""

import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass

PATCHES = {"merge": "application/merge-patch+json", "apply": "application/apply-patch+yaml",
           "json": "application/json-patch+json"}  # fmt: skip


@dataclass
class Answer:
    code: int
    body: dict | str

    @property
    def ok(self):
        return 200 <= self.code < 300

    @property
    def message(self):
        return self.body.get("message", "") if isinstance(self.body, dict) else self.body


class Client:
    """One user: the holder of a token, or of a certificate (name in the cluster's Pki)."""

    def __init__(self, server, pki, token=None, certificate=None):
        self._place = urllib.parse.urlsplit(server).netloc
        self._tls = ssl.create_default_context(cafile=pki.path("ca.crt"))
        if certificate:
            self._tls.load_cert_chain(pki.path(f"{certificate}.crt"), pki.path(f"{certificate}.key"))
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, body=None, content_type="application/json", headers=None):
        connection = http.client.HTTPSConnection(self._place, context=self._tls, timeout=30)
        try:
            data = None if body is None else json.dumps(body)
            sent = {**self._headers, "Content-Type": content_type, **(headers or {})}
            connection.request(method, path, body=data, headers=sent)
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        try:
            return Answer(reply.status, json.loads(text))
        except ValueError:
            return Answer(reply.status, text)

    def get(self, path):
        return self.request("GET", path)

    def create(self, item, dry_run=False):
        """Creates an object where its kind and namespace say."""
        return self.request("POST", path_of(item, named=False) + ("?dryRun=All" if dry_run else ""), item)

    def patch(self, path, change, kind="merge"):
        query = "?fieldManager=test&force=true" if kind == "apply" else ""
        return self.request("PATCH", path + query, change, PATCHES[kind])

    def delete(self, path):
        return self.request("DELETE", path)


_PLURALS = {"CapsulePolicy": "capsulepolicies", "CapsuleSummary": "capsulesummaries"}


def path_of(item, named=True):
    """The URL path of an object given as JSON, or of its collection."""
    version, kind = item["apiVersion"], item["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = item["metadata"].get("namespace")
    if namespace:
        base += f"/namespaces/{namespace}"
    base += "/" + _PLURALS.get(kind, f"{kind.lower()}s")
    return f"{base}/{item['metadata']['name']}" if named else base
