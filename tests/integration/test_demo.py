"""`python -m aether_nb demo` as somebody at a terminal meets it."""

from __future__ import annotations

import re
import subprocess
import sys

from helpers import ROOT, clean_environment
from integration.terminal import CTRL_C, CTRL_D, Terminal

DEMO = ("-m", "aether_nb", "demo")


def aether_nb(cwd, *words):
    """The command line, in another process; exit code, what it said, what it complained of."""
    done = subprocess.run(
        [sys.executable, "-m", "aether_nb", *words], cwd=cwd, env=clean_environment(PYTHONPATH=ROOT),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_ctrl_c_in_the_second_question_and_the_demo_goes_on_there(tmp_path):
    with Terminal(*DEMO, cwd=tmp_path) as first:
        first.sees("? What is your name?\n> ")
        first.type("Ada")
        first.sees("Hello, Ada!\n? Which colour do you like?\n> ")
        first.press(CTRL_C)
        assert first.ends() == 130
        assert first.screen.endswith("Start the demo again and it goes on with the same question.\n")
        assert "Traceback" not in first.screen
        assert first.as_before
    with Terminal(*DEMO, cwd=tmp_path) as again:
        again.sees("Going on where it was.\n? Which colour do you like?\n> ")
        again.type("blue")
        again.sees("? Publish this verse?  [1 Yes  2 No]\n> ")
        again.type("perhaps")
        again.sees("  'perhaps' is none of 'Yes', 'No'\n> ")
        again.type("1")
        again.sees("Published: Ada painted the morning blue")
        assert again.ends() == 0
        assert "your name" not in again.screen
        assert "Hello" not in again.screen


def test_a_finished_demo_begins_anew(tmp_path):
    for _ in range(2):
        with Terminal(*DEMO, cwd=tmp_path) as demo:
            for question, answer in [("name", "Bo"), ("colour", "red"), ("Publish", "no")]:
                demo.sees(question)
                demo.type(answer)
            demo.sees("Not published.")
            assert demo.ends() == 0
    _, runs, _ = aether_nb(tmp_path, "runs")
    assert re.findall(r"^(demo\S*) .*(succeeded)", runs, re.MULTILINE) == [
        ("demo", "succeeded"),
        ("demo~1", "succeeded"),
    ]


def test_the_end_of_input_keeps_the_question_open_for_another_terminal(tmp_path):
    with Terminal(*DEMO, cwd=tmp_path) as demo:
        demo.sees("name?\n> ")
        demo.press(CTRL_D)
        demo.sees("aether-nb answer ")
        demo.sees("\n")
        token = demo.screen.split("aether-nb answer ")[1].split()[0]
        assert aether_nb(tmp_path, "answer", token, "Ada", "--by", "ana") == (0, "accepted", "")
        demo.sees("Hello, Ada!")
        code, said, _ = aether_nb(tmp_path, "answer", token, "Eve")
        assert code == 1
        assert re.fullmatch(r"already answered by ana through cli at \d\d:\d\d", said)


def test_a_question_answered_elsewhere_says_so_and_the_next_one_is_asked(tmp_path):
    with Terminal(*DEMO, cwd=tmp_path) as demo:
        demo.sees("name?\n> ")
        _, waits, _ = aether_nb(tmp_path, "waits")
        aether_nb(tmp_path, "answer", waits.split()[-1], "Ada", "--by", "ana")
        demo.sees("(answered by ana through cli)")
        demo.sees("Hello, Ada!\n? Which colour do you like?\n> ")
        demo.type("blue")
        demo.sees("Publish")


def test_cancelled_from_another_terminal_the_demo_ends(tmp_path):
    with Terminal(*DEMO, cwd=tmp_path) as demo:
        demo.sees("name?\n> ")
        assert aether_nb(tmp_path, "cancel", "demo")[0] == 0
        demo.sees("(not asked any more)")
        demo.sees("Run 'demo' was cancelled.")
        assert demo.ends() == 1
        assert "Traceback" not in demo.screen


def test_looking_at_a_folder_without_a_store_makes_none(tmp_path):
    code, said, complaint = aether_nb(tmp_path, "runs")
    assert (code, said) == (2, "")
    assert complaint.startswith("There is no store at ")
    assert not list(tmp_path.iterdir())
