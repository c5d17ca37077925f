# SPDX-License-Identifier: Apache-2.0
"""What the tests share: real runtimes, lean images."""
