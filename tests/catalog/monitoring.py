# SPDX-License-Identifier: Apache-2.0
"""Checks of what one watches a container with."""

import re

from testlib import waiting

from catalog.checks import check, output


def scraped(run, target, port, pattern, *argv, flags=()):
    """What an exporter serves in the target's network."""
    run.start(*argv, flags=["--timeout", "30s", *flags])
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        page = lambda: target.in_network("curl", "-s", "-m", "5", url).stdout  # noqa: E731
        assert waiting.until(lambda: re.search(pattern, page(), re.MULTILINE), 10), page()
    finally:
        run.recap.clean()


@check("metrics")
def metrics(run, web):
    # Descriptors and shared memory: what the kernel tells last.
    name, group = "namedprocess_namegroup_", r'\{groupname="nginx"'
    memory = rf'{name}memory_bytes{group},memtype="proportionalResident"\}} [1-9](.|\n)*'
    scraped(run, web, 9256, rf"^{memory}^{name}open_filedesc{group}\}} [1-9]")


@check("nginx-exporter")
def nginx_exporter(run, web):
    scraped(run, web, 9113, r"^nginx_connections_accepted [1-9]", "-nginx.scrape-uri", "http://127.0.0.1/status")


@check("redis-exporter", target="redis")
def redis_exporter(run, redis):
    scraped(run, redis, 9121, r"^redis_connected_clients [1-9]")


@check("postgres-exporter", target="postgres")
def postgres_exporter(run, postgres):
    source = "DATA_SOURCE_NAME=postgresql://postgres@127.0.0.1/postgres?sslmode=disable"
    scraped(run, postgres, 9187, r"^pg_up 1", flags=["--env", source])
