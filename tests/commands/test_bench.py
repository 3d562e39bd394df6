"""`mastra-convex bench`: its measurements are right, its advice follows from them, and its data is deleted."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex._cli.bench.advice import advice, basis, crossover_lines, headline
from mastra_convex._cli.bench.comparison import Comparison, Latency, Measured, Size, crossover
from mastra_convex._cli.bench.measurement import INDEX_NAME, TABLE_NAME, Rows, found
from mastra_convex._cli.bench.network import Network, relay
from mastra_convex._cli.bench.plot import overlap, picture, spread
from mastra_convex._cli.bench.report import page
from mastra_convex._cli.bench.ways import EMBEDDED, MIRROR, NATIVE, SERVER
from mastra_convex._cli.docstrings import Docstrings
from tests.support import reference
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.served import Served, serve

QUICK = ("--sizes", "20,60", "--queries", "3", "--rtt", "off", "--bandwidth", "off")


Medians = tuple[float, float]


def measured(medians: Medians, recall: float = 1) -> Measured:
    """One way with given medians of the first and of repeated queries, in ms."""
    first, repeated = (
        Latency(queries, p5=0.9 * ms, p50=ms, p95=1.2 * ms, p99=1.4 * ms)
        for queries, ms in zip((5, 30), medians, strict=True)
    )
    return Measured(first, repeated, 2e6, None, {"transfer": 0.03, "other": 0.01}, "server", recall)


def compared(
    server: Callable[[int], Medians],
    mirror: Callable[[int], Medians] | None,
    native: Medians,
    target: str | None = None,
    recall: float = 1,
) -> Comparison:
    """All ways with given medians of the first and of repeated queries. Without a mirror, an embedded deployment's."""

    def size(rows: int) -> Size:
        scans = {EMBEDDED.name: server(rows)} if mirror is None else {"server": server(rows), "mirror": mirror(rows)}
        ways = {name: measured(medians) for name, medians in scans.items()}
        return Size(rows, ways | {NATIVE.name: measured(native, recall)})

    return Comparison(
        target=target,
        kind="embedded" if mirror is None else "http",
        network=None if target else Network(40, 50),
        dimension=384,
        machine="a <machine>",
        command="mastra-convex bench",
        date="2026-11-21",
        ways=(EMBEDDED, NATIVE) if mirror is None else (SERVER, MIRROR, NATIVE),
        sizes=[size(rows) for rows in (100, 1000, 2000)],
    )


@pytest.mark.parametrize(
    ("scan", "native", "at"),
    [
        ([1, 2, 4], [8, 8, 8], None),
        ([9, 9, 9], [8, 8, 8], 100),
        ([4, 16, 20], [8, 8, 8], 100 * 10**0.5),
        ([4, 8, 16], [8, 8, 8], 1000),
        ([9, 4, 16], [8, 8, 8], 1000 * 2**0.5),  # crossings before the last one are noise
        ([9, 9, 4], [8, 8, 8], None),
        ([4, 4, 7], [8, 8, 8], None),
        ([4, 8, 8], [8, 8, 8], 1000),
    ],
)
def test_the_crossover_is_where_native_gets_ahead_and_stays(
    scan: list[float], native: list[float], at: float | None
) -> None:
    """Between measured sizes, the crossover lies on straight lines on logarithmic axes."""
    assert crossover([100, 1000, 2000], scan, native) == (at if at is None else pytest.approx(at))


FAST = compared(lambda rows: (10, 10), lambda rows: (910, 1), (30, 20))
OFTEN = compared(lambda rows: (rows, rows), lambda rows: (2 * rows, 5), (500, 20))


@pytest.mark.parametrize(
    ("comparison", "title", "says"),
    [
        (
            FAST,
            "Use ConvexVector, at least up to 2,000 rows",
            "Use ConvexVector: at 2,000 rows a repeated query takes 1.00 ms against 20.0 ms by ConvexNativeVector, and "
            "the first one of a process 10.0 ms against 30.0 ms; a mirror pays from about 100 queries of a process on "
            "at 2,000 rows.",
        ),
        (
            compared(lambda rows: (31, 21), lambda rows: (3000, 20), (30, 20)),
            "Use ConvexVector, at least up to 2,000 rows",
            "Use ConvexVector: at 2,000 rows a repeated query takes 20.0 ms against 20.0 ms by ConvexNativeVector, and "
            "the first one of a process 31.0 ms against 30.0 ms; a mirror saves less than a tenth of a query's time at "
            "2,000 rows.",
        ),
        (
            OFTEN,
            "Use ConvexVector in processes that ask 500 times or more, else ConvexNativeVector",
            "Use ConvexVector up to about 550 rows, and beyond in processes that ask about 500 times or more: at 2,000 "
            "rows a repeated query takes 5.00 ms against 20.0 ms by ConvexNativeVector, which makes up for the first "
            "one (2.00 s against 500 ms); ConvexNativeVector in those that ask less often; a mirror pays from about 3 "
            "queries of a process on at 2,000 rows.",
        ),
        (
            compared(lambda rows: (rows, rows), lambda rows: (2 * rows, rows), (500, 500)),
            "Use ConvexVector up to about 550 rows, ConvexNativeVector beyond",
            "Use ConvexVector up to about 550 rows and ConvexNativeVector beyond: at 2,000 rows the first query of a "
            "process takes 500 ms against 2.00 s by ConvexVector, and a repeated one 500 ms against 2.00 s.",
        ),
        (
            compared(lambda rows: (rows, rows), lambda rows: (2 * rows, 19), (500, 20)),
            "Use ConvexVector up to about 550 rows, ConvexNativeVector beyond",
            "Use ConvexVector up to about 550 rows and ConvexNativeVector beyond: at 2,000 rows the first query of a "
            "process takes 500 ms against 2.00 s by ConvexVector, and a repeated one 20.0 ms against 19.0 ms.",
        ),
        (
            compared(lambda rows: (rows, rows), lambda rows: (2 * rows, rows), (50, 50)),
            "Use ConvexNativeVector, from 100 rows on",
            "Use ConvexNativeVector where equality filters and 256 results are enough: at 2,000 rows the first query "
            "of a process takes 50.0 ms against 2.00 s by ConvexVector, and a repeated one 50.0 ms against 2.00 s.",
        ),
        (
            compared(lambda rows: (0.1, 0.02), None, (3, 1), target="./data"),
            "Use ConvexVector, at least up to 2,000 rows",
            "Use ConvexVector: at 2,000 rows a repeated query takes 0.02 ms against 1.00 ms by ConvexNativeVector, and "
            "the first one of a process 0.10 ms against 3.00 ms.",
        ),
    ],
    ids=["auto", "as fast", "auto, often", "both", "both, as fast again", "native", "embedded"],
)
def test_the_advice_follows_from_the_medians(comparison: Comparison, title: str, says: str) -> None:
    assert (headline(comparison), advice(comparison)) == (title, says)


def test_the_break_even_is_where_both_took_as_long_in_all() -> None:
    """The break-even is the number of queries at which both took the same total time. "auto" asks the deployment twice,
    which takes as long as a mirror's transfer: 2 × 2 s + 4 s + 498 × 5 ms, or 0.5 s and 500 × 20 ms. In one process:
    2 s and 100 × 5 ms, or 0.5 s and 100 × 20 ms.
    """
    assert OFTEN.break_even == 501
    assert compared(lambda rows: (rows, 5), None, (500, 20), target="./data").break_even == 101


def test_a_mirror_pays_where_its_queries_made_up_for_the_transfer() -> None:
    """10 ms each, or 910 ms and then 1 ms each: 101 queries take 1,010 ms both ways."""
    assert FAST.mirror_pays_from == 101
    assert compared(lambda rows: (10, 10), lambda rows: (900, 10), (30, 20)).mirror_pays_from is None
    assert compared(lambda rows: (10, 10), None, (30, 20), target="./data").mirror_pays_from is None


def test_each_way_crosses_the_native_one_by_itself() -> None:
    assert crossover_lines(OFTEN, "first") == [
        "native is ahead of server from about 550 rows on",
        "native is ahead of mirror from about 280 rows on",
    ]
    assert crossover_lines(OFTEN, "repeated") == [
        "native is ahead of server at every size from 100 rows on",
        "native is ahead of mirror at no size up to 2,000 rows",
    ]


def test_the_output_names_the_bases_of_the_advice() -> None:
    """The output says whether Convex's own index was measured, and the other bases of the advice."""
    assert basis(compared(lambda rows: (1, 1), lambda rows: (1, 1), (2, 2))) == (
        "This rests on medians of at least 30 repeated and 5 first queries a size for the best 10, over real "
        "embeddings of 384 numbers, in an embedded deployment beyond a network of 40 ms round trip and 50 Mbit/s, "
        "which searches exactly: recall and crossover of Convex's own index need a real deployment (mastra-convex "
        "bench https://….convex.cloud)."
    )
    real = compared(lambda rows: (1, 1), lambda rows: (1, 1), (2, 2), target="https://otter.convex.cloud", recall=0.975)
    assert basis(real).endswith(
        "on https://otter.convex.cloud, where ConvexNativeVector found 97.5% of the exact answers at 2,000 rows."
    )


@pytest.mark.parametrize("mirror", [3, 30, 48, 3000])
@pytest.mark.parametrize("native", [3, 30, 150, 300, 3000])
def test_no_text_of_the_plot_lies_upon_another(native: float, mirror: float) -> None:
    """Names of lines, titles and labels never overlap in the plot, wherever the lines end."""
    comparison = compared(lambda rows: (3 * rows, 50), lambda rows: (5 * rows, mirror), (native, native))
    _, texts = picture(comparison)
    assert len(texts) > 20
    assert [(one, other) for one, other in combinations(texts, 2) if overlap(one, other)] == []


def test_names_keep_their_distance_and_stay_close_to_their_lines() -> None:
    assert spread([0, 30, 90], 20) == [0, 30, 90]
    assert spread([0, 10, 90], 20) == [-5, 15, 90]
    assert spread([10, 10, 10], 20) == [-10, 10, 30]
    assert spread([0, 19, 21], 20) == pytest.approx([-20 / 3, 40 / 3, 100 / 3])


def test_recall_counts_ids_as_good_as_the_last_exact_one() -> None:
    """Recall counts any of several equal scores, and ignores repeated and unknown ids."""
    scores = {"a": 0.9, "b": 0.5, "c": 0.5, "d": 0.4}
    for ids, count in [("ab", 2), ("ac", 2), ("ca", 2), ("ad", 1), ("aa", 1), ("ax", 1), ("", 0)]:
        assert found(list(ids), scores, last=0.5) == count


def test_the_exact_answer_is_the_references_over_the_first_rows() -> None:
    docstrings = Docstrings()
    rows = Rows(docstrings)
    assert sorted(rows.ids) == sorted(docstrings.ids)
    for question in (0, 7):
        scores = reference.scores(rows.questions[question], rows.embeddings[:300])
        every, best = rows.exact(question, 300)
        assert every == {rows.ids[row]: float(scores[row]) for row in range(300)}
        assert best == [(rows.ids[row], float(scores[row])) for row in reference.top_k(scores, 10)]


@pytest.fixture
def echo() -> Iterator[str]:
    """The URL of a server that sends received bytes back."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                while some := connection.recv(65536):
                    connection.sendall(some)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_the_relay_delays_paces_and_counts_both_directions(echo: str) -> None:
    """The relay adds a round trip, keeps the speed of the line, and loses or mixes up no byte."""
    sent = np.random.default_rng(1).bytes(500_000)
    with relay(echo, Network(rtt_ms=60, mbit_per_second=40)) as between:
        host, port = between.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            took = []
            for part in (*[b"x"] * 6, sent):
                began = perf_counter()
                writer = threading.Thread(target=client.sendall, args=(part,))
                writer.start()
                received = b""
                while len(received) < len(part):
                    received += client.recv(65536)
                writer.join()
                took.append(perf_counter() - began)
                assert received == part
        assert between.bytes_carried == 2 * (len(sent) + 6)
    assert took[0] >= 0.12  # the first waits for the connection
    assert 0.06 <= min(took[1:6]) < 0.12
    assert took[6] >= 0.06 + len(sent) * 8 / 40e6


def report(*arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = run("bench", *arguments, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_json_has_every_way_at_each_size() -> None:
    """The JSON output has the three ways at each size, with recall and bytes."""
    made = report(*QUICK)
    assert made["network"] == {"rtt_ms": 0.0, "mbit_per_second": None}
    assert (made["target"], made["kind"], made["top_k"], made["dimension"]) == (None, "http", 10, 384)
    assert [(way["name"], way["class_name"]) for way in made["ways"]] == [
        ("server", "ConvexVector"),
        ("mirror", "ConvexVector"),
        ("native", "ConvexNativeVector"),
    ]
    assert [size["rows"] for size in made["sizes"]] == [20, 60]
    for size in made["sizes"]:
        assert {name: way["strategy"] for name, way in size["ways"].items()} == {
            "server": "server",
            "mirror": "mirror",
            "native": "native",
        }
        for way in size["ways"].values():
            assert way["recall"] == 1
            assert (way["first"]["queries"], way["repeated"]["queries"]) == (5, 3)
            for latency in (way["first"], way["repeated"]):
                assert 0 < latency["p5"] <= latency["p50"] <= latency["p95"] <= latency["p99"]
            assert sum(way["seconds"].values()) > 0
    moved = {
        name: [size["ways"][name]["first_bytes"] for size in made["sizes"]] for name in ("server", "mirror", "native")
    }
    # Only a mirror moves the rows.
    assert moved["mirror"][1] > 2 * moved["mirror"][0] > 20 * 384
    for name in ("server", "native"):
        assert moved[name][1] < 2 * moved[name][0]
    assert set(made["crossover"]) == {"server", "mirror"}
    assert set(made["crossover"]["server"]) == {"first", "repeated"}
    assert made["recommendation"].startswith("Use Convex")


def test_in_a_folder_there_is_one_way_beside_the_native_one(tmp_path: Path) -> None:
    """In this process there are no strategies to compare, and the output says so."""
    done = run("bench", str(tmp_path / "data"), "--sizes", "20", "--queries", "2")
    assert done.returncode == 0, done.stderr
    assert "embedded: ConvexVector; the kernel scores the rows where they are, in this process" in " ".join(
        done.stdout.split()
    )
    assert "mirror" not in done.stdout
    made = report(str(tmp_path / "data"), "--sizes", "20", "--queries", "2")
    assert made["kind"] == "embedded"
    assert made["mirror_pays_from"] is None
    [size] = made["sizes"]
    assert {name: way["strategy"] for name, way in size["ways"].items()} == {"embedded": "embedded", "native": "native"}


def test_functions_without_a_search_have_no_server_way(tmp_path: Path) -> None:
    """Older functions, and npm's, can't score rows in the deployment."""
    functions = functions_with_table(tmp_path)
    (functions / "mastra" / "vectors.ts").unlink()
    with serve(data=":memory:", functions=functions) as served:
        environment = {"CONVEX_ADMIN_KEY": served.admin_key}
        made = report(served.url, "--sizes", "20", "--queries", "2", environment=environment)
    assert [way["name"] for way in made["ways"]] == ["mirror", "native"]


def test_a_network_slows_all_ways_down_as_much_as_it_says() -> None:
    made = report("--sizes", "60", "--queries", "2", "--rtt", "100ms", "--bandwidth", "8mbit")
    ways = made["sizes"][0]["ways"]
    # Each needs a round trip per call and 1 µs per byte, and a new client one more round trip.
    assert ways["mirror"]["first"]["p5"] >= 200 + ways["mirror"]["first_bytes"] / 1000 * 0.9
    for way in ways.values():
        assert way["repeated"]["p5"] >= 100
        assert way["first"]["p5"] >= 200


def test_plot_and_report_are_written_whole(tmp_path: Path) -> None:
    """The plot has the format of its suffix, and the report is one self-contained HTML file."""
    for name in ("plot.png", "plot.svg"):
        done = run("bench", *QUICK, "--plot", str(tmp_path / name), "--html", str(tmp_path / "report.html"))
        assert done.returncode == 0, done.stderr
        assert f"Wrote {tmp_path / name}\nWrote {tmp_path / 'report.html'}\n" in done.stderr
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")
    html = (tmp_path / "report.html").read_text()
    assert re.search(r"<h1>Use Convex(Native)?Vector", html)
    assert "recall and crossover of Convex&#x27;s own index need a real deployment" in html
    assert {path.name for path in tmp_path.iterdir()} == {"plot.png", "plot.svg", "report.html"}


def test_the_report_is_one_file_and_escapes_what_others_wrote() -> None:
    html = page(
        compared(lambda rows: (rows, rows), lambda rows: (rows, 5), (500, 500), target="https://<b>.convex.cloud")
    )
    assert "<b>" not in html
    assert "a &lt;machine&gt;" in html
    for attribute in re.findall(r"""(?:src|href)=["']([^"']*)""", html) + re.findall(r"url\(([^)]*)\)", html):
        assert attribute.startswith("#")
    assert "@import" not in html
    assert "<script" not in html


def functions_with_table(folder: Path) -> Path:
    """Functions whose schema has the table that the bench needs."""
    functions = folder / "convex"
    assert run("init", str(functions)).returncode == 0
    hint = (functions / "schema.ts").read_text()
    declared = hint.replace("mastraTables }", "mastraTables, defineMastraNativeVectorTable }", 1).replace(
        "...mastraTables", f"...mastraTables, {TABLE_NAME}: defineMastraNativeVectorTable({{ dimensions: 384 }})"
    )
    assert declared.count("defineMastraNativeVectorTable") == 2
    (functions / "schema.ts").write_text(declared)
    return functions


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Served]:
    with serve(data=":memory:", functions=functions_with_table(tmp_path)) as served:
        yield served


def written(served: Served) -> tuple[list[str], int]:
    """The bench's data on a deployment: the indexes of one class, the rows of the other."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        native = mc.ConvexNativeVector(db, indexes={"bench": mc.NativeIndex(TABLE_NAME, 384)})
        return mc.ConvexVector(db).list_indexes(), native.describe_index("bench").count


def test_a_deployment_of_yours_is_left_as_it_was(project: Served) -> None:
    """The command announces its writes, and deletes leftovers of a killed run."""
    with mc.connect(project.url, admin_key=project.admin_key) as db:
        mc.ConvexVector(db).create_index("mine", dimension=3)
        mc.ConvexVector(db).index(INDEX_NAME, dimension=384).upsert(np.ones((3, 384)))
    environment = {"CONVEX_ADMIN_KEY": project.admin_key}
    done = run("bench", project.url, "--sizes", "20", "--queries", "2", environment=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Writing 20 rows to {project.url}: into the index {INDEX_NAME} of ConvexVector")
    assert f"on {project.url}, where ConvexNativeVector found 100.0%" in " ".join(done.stdout.split())
    assert written(project) == (["mine"], 0)


def test_interrupted_it_still_deletes_what_it_wrote(project: Served) -> None:
    """An interrupted run deletes its data and exits as an interrupted program."""
    command = [COMMAND, "bench", project.url, "--sizes", "40", "--queries", "100000"]
    environment = ENVIRONMENT | {"CONVEX_ADMIN_KEY": project.admin_key}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("Asking"):
            pass
        assert written(project) == ([INDEX_NAME], 40)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == f"Deleting what was written to {project.url}.\nInterrupted.\n"
    assert written(project) == ([], 0)


def test_a_schema_without_the_table_is_told_the_line_to_add() -> None:
    """A schema without the table is an error with the line to add, before anything is written."""
    with serve(data=":memory:") as served:
        done = run("bench", served.url, environment={"CONVEX_ADMIN_KEY": served.admin_key})
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{TABLE_NAME}: defineMastraNativeVectorTable({{ dimensions: 384" in done.stderr
        assert "Writing" not in done.stderr
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            assert mc.ConvexVector(db).list_indexes() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sizes", "10,many"], "--sizes 10,many; expected numbers of rows from 1 to 2459"),
        (["--sizes", "3000"], "--sizes 3000; expected numbers of rows from 1 to 2459"),
        (["--rtt", "40"], "--rtt 40; expected a number with us, ms, s, such as 40ms, or off"),
        (["--bandwidth", "50mb"], "--bandwidth 50mb; expected a number with kbit, mbit, gbit, such as 50mbit, or off"),
        (["--bandwidth", "0mbit"], "--bandwidth 0mbit: no data would pass"),
        (["--plot", "plot.pdf"], "--plot plot.pdf; expected a file name that ends in .svg or .png"),
        (["--html", "nowhere/report.html"], "--html nowhere/report.html; expected a file in a writable folder"),
        (["./data", "--rtt", "40ms"], "--rtt and --bandwidth can't simulate a network for ./data"),
        (["https://otter.convex.cloud", "--rtt", "40ms"], "can't simulate a network for https://otter.convex.cloud"),
    ],
)
def test_a_wrong_option_is_told_before_anything_runs(arguments: list[str], says: str) -> None:
    done = run("bench", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: bench: ")
    assert says in done.stderr
