# SPDX-License-Identifier: Apache-2.0
"""Kubernetes clusters for tests and benchmarks: cluster.py."""

from .cluster import Cluster

__all__ = ["Cluster"]
