# SPDX-License-Identifier: Apache-2.0
"""The keys and certificates of a test cluster, made by openssl."""

from testlib import host


class Pki:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(mode=0o700)
        self._authority("ca")
        # A second one: the API server refuses the same CA for clients and for the front proxy.
        self._authority("front-proxy-ca")
        self._key("service-account")
        host.run("openssl", "pkey", "-in", self.path("service-account.key"), "-pubout",
                 "-out", self.path("service-account.pub"))  # fmt: skip

    def path(self, name):
        return self.directory / name

    def _key(self, name):
        host.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(f"{name}.key"))

    def _authority(self, name):
        self._key(name)
        host.run("openssl", "req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-subj", f"/CN={name}",
                 "-days", "2", "-out", self.path(f"{name}.crt"),
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip

    def certificate(self, name, user, groups=(), addresses=(), names=(), authority="ca"):
        """NAME.key and NAME.crt for a client, and for a server where addresses or names are given."""
        self._key(name)
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        request, crt = self.path(f"{name}.csr"), self.path(f"{name}.crt")
        host.run("openssl", "req", "-new", "-key", self.path(f"{name}.key"), "-subj", subject, "-out", request)
        usage = "clientAuth,serverAuth" if addresses or names else "clientAuth"
        lines = ["keyUsage=critical,digitalSignature,keyEncipherment", f"extendedKeyUsage={usage}"]
        alternatives = [f"IP:{address}" for address in addresses] + [f"DNS:{each}" for each in names]
        if alternatives:
            lines.append("subjectAltName=" + ",".join(alternatives))
        extensions = self.path(f"{name}.ext")
        extensions.write_text("\n".join(lines))
        host.run("openssl", "x509", "-req", "-in", request, "-CA", self.path(f"{authority}.crt"),
                 "-CAkey", self.path(f"{authority}.key"), "-CAcreateserial", "-days", "2",
                 "-extfile", extensions, "-out", crt)  # fmt: skip
        return crt

    def kubeconfig(self, name, server, token=None):
        """A kubeconfig file of the client NAME: with its certificate, or with a token in a file beside it."""
        target = self.path(f"{name}.kubeconfig")
        user = f"client-certificate: '{self.path(name + '.crt')}', client-key: '{self.path(name + '.key')}'"
        if token:
            self.path(f"{name}.token").write_text(token)
            user = f"tokenFile: '{self.path(name + '.token')}'"
        target.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
            f"clusters: [{{name: test, cluster: {{server: '{server}', "
            f"certificate-authority: '{self.path('ca.crt')}'}}}}]\n"
            f"users: [{{name: {name}, user: {{{user}}}}}]\n"
            f"contexts: [{{name: test, context: {{cluster: test, user: {name}}}}}]\n"
        )
        return target
