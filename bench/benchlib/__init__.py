# SPDX-License-Identifier: Apache-2.0
"""The parts of bench/run; that file is the one to start reading."""
