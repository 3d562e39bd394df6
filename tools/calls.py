"""Writes docs/calls.md: the outcome of a failed call over HTTP, by phase. Tests provoke each row.

``--check`` only tells whether the page is up to date.
"""

from __future__ import annotations

import sys

from generated import ROOT, main

PAGE = ROOT / "docs/calls.md"

sys.path.insert(0, str(ROOT))

from tests.protocol.phases import FAILURES  # noqa: E402 - the tests aren't installed

BEGINNING = """\
<!-- Generated from tests/protocol/phases.py by tools/calls.py: edit that. -->

# Calls over HTTP

This page says what a call raises when the network, a proxy, a gateway or the deployment fails, and which calls are \
repeated. A test makes every row of the table happen.

Two rules decide. A call is repeated only if it certainly wasn't executed, or if it only reads. A call that may write \
and was sent, but has no answer of Convex's, raises `OutcomeUnknownError`: it may have been executed. Only a refusal \
with a `code` of Convex's own in its JSON says that nothing was executed; a gateway's status alone doesn't.

| phase | failure | a call that only reads | a mutation or action |
| --- | --- | --- | --- |
"""

END = """
"Repeated" means as often as `connect`'s `retries` says (3 by default), after waits that are drawn at random from zero \
to a bound that doubles, or after the time that `Retry-After` names. Repetitions end when the next one wouldn't fit \
into `timeout` (30 seconds by default), which covers the whole call.

All clients of a process share a budget of repetitions for a deployment: ten, and one more for every ten calls. So a \
deployment that fails gets hardly more requests than one that works.

Conflicts between writers and requests to slow down are repeated until the deadline and cost nothing of the budget, \
because the deployment works. `retries=0` repeats nothing at all.

A small Convex deployment takes some 4 MiB of writes a second and answers `429 TooManyWrites` beyond that. Upserts \
and imports wait and go on: 10,000 vectors of 1,536 numbers are some 120 MB, and take half a minute there.

## Ctrl-C

`KeyboardInterrupt` ends a call within a fifth of a second, wherever it is, and a cancelled await ends it too. The \
exception has a note about a mutation or an action: over HTTP, that it isn't known whether it was executed; in this \
process, whether it was committed.

## Proxies

The variables are curl's: `http_proxy` for `http://` (in lower case only, as for curl), `https_proxy` or \
`HTTPS_PROXY` for `https://`, `all_proxy` or `ALL_PROXY` for both; `no_proxy` or `NO_PROXY` lists names, addresses and \
blocks of addresses (`10.0.0.0/8`) that are reached directly, with or without a port. Proxies are `http://`, \
`https://`, `socks5://` or `socks5h://`. Calls and live queries take the same way. This machine (`localhost`, \
`127.0.0.1`, `::1`) is never reached through a proxy.

## Certificates

The certificate authorities that come with the package are Mozilla's. `connect(url, ca_file="ca.pem")` trusts those of \
a file in their place; without it, `SSL_CERT_FILE` and `SSL_CERT_DIR` name a file or a folder.

## Threads

An awaited call over HTTP needs no thread of Python's. Awaited calls in this process, and searches over HTTP, run on \
up to 32 threads each that belong to the package. At most 128 connections to a deployment are open at once; further \
calls wait for one, within their `timeout`.
"""

if __name__ == "__main__":
    main(PAGE, BEGINNING + "".join(f"{failure.row()}\n" for failure in FAILURES) + END)
