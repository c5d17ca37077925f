# SPDX-License-Identifier: Apache-2.0
"""Webhooks of recap-controller: who may call, what is taken, what a call starts."""

import http.client
import json
import ssl
import urllib.error
import urllib.request

import pytest

from testlib import host

pytestmark = pytest.mark.usefixtures("any_image")
NOTIFICATION = {"version": "4", "status": "firing", "alerts": [
    {"status": "firing", "labels": {"alertname": "Slow", "severity": "page"}}]}  # fmt: skip
RBAC = "rbac.authorization.k8s.io/v1"


class Caller:
    """A service account that calls webhooks."""

    def __init__(self, cluster, space, controller):
        self.cluster, self.space, self.controller = cluster, space, controller
        self.tls = None
        self.user = f"system:serviceaccount:{space.name}:default"

    def token(self, audience="recap-controller"):
        path = f"/api/v1/namespaces/{self.space.name}/serviceaccounts/default/token"
        answer = self.cluster.admin.request("POST", path, {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": 600}})  # fmt: skip
        assert answer.ok, answer.message
        return answer.body["status"]["token"]

    def allow(self):
        answer = self.cluster.admin.create({
            "apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": "hooks", "namespace": self.space.name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "recap-hook"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": self.space.name}]})  # fmt: skip
        assert answer.ok, answer.message
        host.wait_for(lambda: self.call({})[0] == 400, "the right to call")

    def call(self, body, hook="slow", token=None, **headers):
        """(status, body) of a call."""
        request = urllib.request.Request(
            f"http{'s' if self.tls else ''}://127.0.0.1:{self.controller.hook_port}/hooks/{self.space.name}/{hook}",
            data=json.dumps(body).encode(), method="POST",
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token()}",
                     **{name.replace("_", "-"): value for name, value in headers.items()}})  # fmt: skip
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=self.tls))  # fmt: skip
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def caller(cluster, space, controller):
    return Caller(cluster, space, controller)


def hooked(space, name="on-alert", script="echo $RECAP_TARGET", **event):
    source = {"type": "Webhook", "webhook": {"name": "slow", "matchLabels": {"severity": "page"}}}
    return space.capsule(name, {"type": "Event", "event": {"triggers": [source], **event}}, script)


def test_who_may_call(caller, space):
    hooked(space)
    code, why = caller.call(NOTIFICATION, token="none")
    assert code == 401 and "not valid for the audience" in why
    code, why = caller.call(NOTIFICATION, token=caller.token("https://kubernetes.default.svc"))
    assert code == 401, "a token for the API server is not taken"
    code, why = caller.call(NOTIFICATION)
    assert code == 403 and f"user {caller.user} needs the verb create on capsules/hooks slow" in why
    caller.allow()
    code, why = caller.call(NOTIFICATION, hook="other")
    assert code == 404 and "has the webhook other" in why
    code, why = caller.call({"hello": "world"})
    assert code == 400 and "neither a notification of Alertmanager" in why
    assert not [each for each in space.all() if each["metadata"]["name"].startswith("on-alert-")]


def test_an_alert_starts_the_capsule_and_cools_down(caller, space, running_caplet):
    caller.allow()
    space.pods("a", "b")
    hooked(space, script="sleep 3", debounceSeconds=0)
    assert caller.call({**NOTIFICATION, "alerts": [{"status": "resolved", "labels": {"severity": "page"}}]}) == (
        202, {"capsules": {"on-alert": "unmatched"}})  # fmt: skip
    assert caller.call(NOTIFICATION) == (202, {"capsules": {"on-alert": "accepted"}})
    assert caller.call(NOTIFICATION) == (202, {"capsules": {"on-alert": "active"}})
    run = next(each for each in space.all() if each["metadata"]["name"].startswith("on-alert-"))
    name = run["metadata"]["name"]
    assert run["metadata"]["annotations"]["recap.dev/triggered-by"] == caller.user
    status = space.ended(name)
    assert status["phase"] == "Succeeded" and status["targets"]["succeeded"] == 2, status
    assert caller.call(NOTIFICATION) == (202, {"capsules": {"on-alert": "cooldown"}})


def test_a_cloud_event_sent_twice_is_one(caller, space):
    caller.allow()
    hooked(space, debounceSeconds=0, cooldownSeconds=0)
    sent = {"ce_specversion": "1.0", "ce_id": "7", "ce_source": "/ci", "ce_type": "build", "ce_severity": "page"}
    assert caller.call({}, **sent) == (202, {"capsules": {"on-alert": "accepted"}})
    space.ended(next(each for each in space.all() if not each["metadata"].get("labels", {}).get("recap.dev/run"))
                ["metadata"]["name"])  # no pod: it ends at once, without a target
    assert caller.call({}, **sent) == (202, {"capsules": {"on-alert": "debounce"}})
    assert caller.call({}, **{**sent, "ce_id": "8"}) == (202, {"capsules": {"on-alert": "accepted"}})


def test_over_tls(cluster, space, replicas):
    pki = cluster.pki
    pki.certificate("hooks", "recap-controller", addresses=["127.0.0.1"])
    # Webhooks are received by each replica, whether it leads or not.
    replica = replicas[0].start("--tls-cert", pki.path("hooks.crt"), "--tls-key", pki.path("hooks.key"))
    caller = Caller(cluster, space, replica)
    caller.tls = ssl.create_default_context(cafile=pki.path("ca.crt"))
    code, why = caller.call(NOTIFICATION)
    assert code == 403 and "needs the verb create" in why
    caller.tls = None
    with pytest.raises((urllib.error.URLError, ConnectionError, http.client.HTTPException)):
        caller.call(NOTIFICATION)
