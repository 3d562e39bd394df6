"""A help desk's agent: finds parcels, and asks a person before it refunds one."""

from __future__ import annotations

import argparse
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

import mastra_convex as mc
from mastra_convex.adapters.langgraph import ConvexSaver

THREAD = "desk"


class State(TypedDict, total=False):
    """The question, and the answer to it."""

    question: str
    answer: str


def look(state: State) -> State:
    """Answer what a parcel's number answers."""
    number = "".join(filter(str.isdigit, state["question"]))
    return {"answer": f"Parcel {number} is in Rome."}


def refund(state: State) -> State:
    """Ask a person. The graph stops here until a person answers."""
    agreed = interrupt("Refund this parcel?") == "yes"
    return {"answer": "You get your money back." if agreed else "We can't refund this parcel."}


def kind(state: State) -> str:
    """The step that a question needs."""
    return "refund" if "money" in state["question"] else "look"


def main() -> None:
    """Ask a question, or answer the one that the graph has asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("question", nargs="?", default="")
    parser.add_argument("--answer", choices=["yes", "no"])
    given = parser.parse_args()
    builder = StateGraph(State)
    builder.add_node("look", look).add_node("refund", refund)
    builder.add_conditional_edges(START, kind, ["look", "refund"])
    builder.add_edge("look", END).add_edge("refund", END)
    with mc.connect_from_env() as db:
        memory = mc.ConvexStore(db).memory
        memory.save_thread(mc.Thread(id=THREAD, resource_id="ada", title="Help desk"))
        if given.question:
            memory.save_messages([mc.Message(thread_id=THREAD, role="user", content=given.question)])
        graph = builder.compile(checkpointer=ConvexSaver(db))
        state = Command(resume=given.answer) if given.answer else {"question": given.question, "answer": ""}
        result = graph.invoke(state, {"configurable": {"thread_id": THREAD}})
        answer = result["answer"] or "One moment: a colleague has to agree."
        memory.save_messages([mc.Message(thread_id=THREAD, role="assistant", content=answer)])


if __name__ == "__main__":
    main()
