"""Your own task from Python: write rows, say what they are, compare, ask the winner.

    python examples/own_task.py [FOLDER]

Makes a small CSV of notes to a landlord, compares three cheap ways of sorting them, and answers new notes with the one that is
recommended. Takes some seconds; nothing but FOLDER (default: a temporary one) is written.
"""

import csv
import sys
import tempfile
from pathlib import Path

import rung

NOTES = {
    "repair": [
        "The kitchen tap has been dripping since Monday.",
        "Our boiler makes a knocking noise and the radiators stay cold.",
        "There is damp coming through the bedroom wall.",
        "The lock on the front door jams every morning.",
        "One of the hob plates does not heat up any more.",
        "Water stands in the shower, the drain must be blocked.",
        "The window in the living room no longer closes.",
        "A tile came off the bathroom floor and broke.",
        "The fridge that came with the flat has stopped cooling.",
        "The light in the stairwell flickers and then goes out.",
    ],
    "rent": [
        "May I pay this month's rent on the 10th instead?",
        "I was charged twice in October, could you look at my account?",
        "Please send me a receipt for the deposit I paid.",
        "Why did the service charge go up by thirty euros?",
        "I have a new bank account, where do I enter it for the standing order?",
        "The statement says I owe 40 euros, but I paid in full.",
        "When will the deposit of the old flat be paid back?",
        "Is the heating bill part of the monthly amount?",
        "My transfer came back, is your account number still the same?",
        "Can I get a reduction for the weeks without hot water?",
    ],
    "moving": [
        "I would like to give notice for the end of March.",
        "When could we hand over the keys?",
        "My sister is going to move in with me, what do you need from her?",
        "Can I look at the two-room flat on the second floor?",
        "We are leaving on the 31st, who comes to inspect the flat?",
        "Is it possible to stay a month longer than agreed?",
        "Could somebody take over my lease from June on?",
        "I need the lift reserved for my removal van on Saturday.",
        "Do I have to paint the walls before I leave?",
        "From when is the flat next door free? A friend is interested.",
    ],
}


def main(folder: Path) -> str:
    """Compare three methods on the notes in `folder` and print the verdict; gives back the recommended method's name."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "notes.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["note", "about"])
        writer.writerows((note, about) for about, notes in NOTES.items() for note in notes)
    (folder / "task.yaml").write_text(
        "name: landlord\n"
        "train: notes.csv\n"
        "test: 0.4          # hold back two fifths of the rows for judging\n"
        "input: note\n"
        "output: about\n"
        "methods: [majority, nearest_example, frozen_features]\n",
        encoding="utf-8",
    )

    audit = rung.check(folder / "task.yaml")
    print(f"{len(audit.figures['labels'])} labels, {len(audit.findings)} things to know about the data")

    comparison = rung.compare(folder / "task.yaml", workspace=folder / ".rung", out=folder / "report")
    verdict = comparison.verdict
    print(verdict.headline)
    for summary in verdict.arms:
        accuracy = summary.metrics["accuracy"]
        print(f"  {summary.arm.name:16} {accuracy.value:.2f}  [{accuracy.low:.2f}, {accuracy.high:.2f}]")

    method = verdict.summary(verdict.recommended).arm.method if verdict.recommended else "nearest_example"
    new = ["The toilet keeps running.", "I want to end my contract in May."]
    answers = rung.predict(comparison.record.id, new, method, workspace=folder / ".rung")
    for note, answer in zip(new, answers, strict=True):
        print(f"  {note!r} is about {answer.output}")
    return method


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
