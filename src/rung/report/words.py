"""Technical terms in one plain sentence each, for the report's last section. Knows only words."""

from __future__ import annotations

from rung.task import Task

WORDS: dict[str, str] = {
    "Arm": "One thing that is compared: a model, what its prompt holds, a method, its settings, and a number of examples.",
    "Rung": "An arm's method by its place on the ladder: the lower, the less there is to make and to keep.",
    "Seed": "The number that fixes every random choice of a run; the same seed gives the same answers.",
    "95 % interval": "A range made so that it holds the true figure for 95 of 100 test sets of this size and kind.",
    "Corrected score": (
        "The winner of many arms was partly lucky on this test set; this is its score with that luck, estimated by resampling, "
        "taken off. Expect this one in use."
    ),
    "Behind the best": "The best arm's score minus this arm's, in points (hundredths), on the same rows.",
    "Simultaneous bound": "An upper limit on how far an arm lies behind that holds with 95 % confidence for all the arms at once.",
    "Tolerance": "How many points worse than the best still counts as good; the task file sets it (limits.tolerance).",
    "As good as the best": "Shown to be within the tolerance: the bound on how far it lies behind is smaller (non-inferiority).",
    "Latency p50, p95": "Half of single requests took at most the p50 time; 95 of 100 took at most the p95 time.",
    "Cost of 1,000 requests": "Machine time or price of 1,000 answers, as if this arm ran alone on a machine with nothing cached.",
    "Confusion": "How often rows of one label were answered as another.",
    "Confidence": "The probability an arm gives its own answer.",
    "Calibration": "Whether confidence can be believed: of the answers given with 80 % confidence, about 80 % should be right.",
    "Calibration error": "The average distance between confidence and the share right (ECE); 0 is perfect.",
    "Log loss": "How surprised the arm's probabilities were by the right answers, in nats; 0 is perfect.",
    "McNemar test": "Asks whether two arms differ, from the rows that only one of them got right.",
    "Holm correction": "Makes p-values larger, to allow for the many pairs that were tested.",
    "Fingerprint, sha": "A short number computed from content; equal numbers mean equal data, weights or answers.",
}

_KINDS: dict[str, dict[str, str]] = {
    "one label": {
        "Accuracy": "Share of test rows answered right.",
        "Macro-F1": (
            "F1 (the balance of wrong and missed answers) of each label, averaged so that rare labels count like common ones."
        ),
    },
    "several labels": {
        "Exact match": "Share of test rows whose labels are all given, and no other.",
        "Micro-F1": "F1 (the balance of wrong and missed labels) over all labels of all rows together.",
        "Macro-F1": "F1 of each label, averaged so that rare labels count like common ones.",
        "Threshold": "The probability from which on a label is given; learnt on validation rows.",
    },
    "entities": {
        "Entity": "A piece of the text with its type: the field it fills.",
        "F1": (
            "The balance of wrong and missed entities, over all test rows together. An entity is right if its type and both its "
            "ends are; where an answer names no place, if its type and its words are."
        ),
        "Precision": "Of the entities answered, the share that is right.",
        "Recall": "Of the entities expected, the share that was found.",
        "Rows all right": "Share of test rows with every entity found and none too many.",
        "Valid answers": (
            "Share of answers that can be read, use only the task's types, and name only words of the text, where they stand."
        ),
    },
    "fields": {
        "Field": "A value of the answer with its path in the JSON object; each item of a list counts as one, in any order.",
        "F1": (
            "The balance of wrong and missed fields, over all test rows together. A field is right if its value is: texts without "
            "letter case and outer blanks, numbers by what they are worth."
        ),
        "Precision": "Of the fields answered, the share that is right.",
        "Recall": "Of the fields expected, the share that was answered rightly.",
        "Rows all right": "Share of test rows with every field right and none too many.",
        "Valid answers": "Share of answers that can be read and keep the JSON schema.",
    },
    "texts": {
        "Reference": "A text that would have been a right answer; a row may have several, and the best fit counts.",
        "chrF": (
            "How much of the letters, in runs of one to six, an answer and its reference share; what is missing weighs more than "
            "what is too much. The mean over test rows."
        ),
        "BLEU": "Of the answers' runs of one to four words, the share that stands in a reference; less where they are too short.",
        "ROUGE-1, ROUGE-2": "The balance of wrong and missing words, or pairs of words.",
        "ROUGE-L": "The same by the longest run of words, gaps allowed, that answer and reference share in one order.",
        "Exact match": "Share of answers that are a reference word for word; white space aside.",
        "Distinct-1, distinct-2": "Of all words, or pairs of words, answered, the share that is new: low where answers are alike.",
        "Length ratio": "Words answered for each word of the reference nearest in length.",
        "Signature": "All settings behind a BLEU or chrF figure, so that others can get the same.",
    },
    "out of scope": {
        "Out of scope": "An input that belongs to none of the classes, and is to be answered so.",
        "Out-of-scope recall": "Of the test rows that belong to no class, the share that was answered so.",
        "False-alarm rate": "Of the test rows that do belong to a class, the share that was answered as belonging to none.",
    },
}


#: what a report on texts does not speak of
_OF_LABELS = frozenset({"Confusion", "Confidence", "Calibration", "Calibration error", "Log loss", "McNemar test"})


def words_for(task: Task) -> dict[str, str]:
    """The terms that a report on this task uses."""
    if task.kind == "generate":
        return {word: meaning for word, meaning in (_KINDS["texts"] | WORDS).items() if word not in _OF_LABELS}
    kind = "several labels" if task.multi_label else "one label"
    if task.kind == "extract":
        kind = "fields" if task.json_schema else "entities"
    found = _KINDS[kind] | (_KINDS["out of scope"] if task.out_of_scope else {}) | WORDS
    return {word: meaning for word, meaning in found.items() if kind == "one label" or word != "Confusion"}
