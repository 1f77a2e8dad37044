"""Agents that ask every kind of question, one after the other or all at once, and what a keyboard does with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from browser.lab import Notebook
from playwright.sync_api import FileChooser, Keyboard, Page, expect

KINDS = '''
import asyncio, datetime, enum
from typing import Literal, Optional
import aether_nb as ae
from aether_nb import graph_fn
from aether_nb.tools import wait_for_event
from pydantic import BaseModel, Field, field_validator

class Meal(enum.Enum):
    ANY = "any"
    VEGAN = "vegan"

class Contact(BaseModel):
    email: str = Field(pattern=r"^\\S+@\\S+$", description="Whom we tell about changes.")
    phone: Optional[str] = None

class Person(BaseModel):
    name: str
    age: Optional[int] = Field(None, ge=0)

class Trip(BaseModel):
    """Book a trip"""
    name: str = Field(min_length=1, description="As in the passport.")
    seats: int = Field(1, ge=1, le=9)
    day: datetime.date
    cabin: Literal["economy", "business"] = "economy"
    meal: Meal = Meal.ANY
    insured: bool = False
    budget: Optional[float] = Field(None, gt=0)
    contact: Contact
    others: list[Person] = []

    @field_validator("seats")
    @classmethod
    def few(cls, seats):
        if seats == 7:
            raise ValueError("seven seats in a row there are none")
        return seats

CITIES = ["Amsterdam", "Athens", "Berlin", "Lisbon", "Madrid", "Oslo", "Paris", "Rome", "Zürich"]

BY_ANA = {
    "Your name?": "Bob", "Which **version**?": "2.0", "What went wrong?": "all of it", "API key": "k", "Proceed?": "Yes",
    "Delete `customers`?": {"choice": "Keep", "reason": "needed"}, "Which model?": "s", "Which steps?": ["fetch"],
    "Which city?": "Rome", "Which cities?": ["Rome", "Oslo"], "How many epochs?": 1, "How sure are you?": 1,
    "Which day?": "2026-11-30", "Remind me at": "2026-12-01T10:00:00+00:00", "Which data?": "data.csv",
    "Describe it, or show it": "no", "Book a trip": {"name": "Ada", "day": "2026-12-24", "contact": {"email": "a@b.c"}},
}
open("data.csv", "w").close()

def questions(channel, **more):
    return {
        "text": channel.ask_text("Your name?", placeholder="Ada", **more),
        "pattern": channel.ask_text("Which **version**?", pattern=r"\\d+\\.\\d+", hint="A version such as 1.4.", value="1.x", max_length=8, **more),
        "multiline": channel.ask_text("What went wrong?", multiline=True, min_length=3, **more),
        "secret": channel.ask_text("API key", secret=True, min_length=1, **more),
        "approval": channel.ask_approval("Proceed?", options=["Yes", "No"], reason="optional", **more),
        "danger": channel.ask_approval("Delete `customers`?", options=["Keep", "Delete"], danger="Delete", reason="required", **more),
        "radio": channel.ask_choices("Which model?", {"s": "Small", "l": "Large"}, **more),
        "checks": channel.ask_choices("Which steps?", ["fetch", "clean", "train"], multiple=True, min=1, **more),
        "search": channel.ask_choices("Which city?", CITIES, **more),
        "several": channel.ask_choices("Which cities?", CITIES, multiple=True, min=2, max=3, **more),
        "number": channel.ask_number("How many epochs?", min=1, max=100, integer=True, value=10, **more),
        "slider": channel.ask_number("How sure are you?", min=0, max=10, slider=True, integer=True, unit="%", value=5, **more),
        "date": channel.ask_date("Which day?", min=datetime.date(2026, 11, 1), **more),
        "moment": channel.ask_date("Remind me at", time=True, **more),
        "files": channel.ask_files("Which data?", accept=[".csv"], max_bytes=1000, **more),
        "either": channel.ask_text_or_files("Describe it, or show it", **more),
        "form": channel.ask_form(Trip, "Book a trip", submit="Book", **more),
    }

def shown(answers):
    files = {name: [f.name for f in answers[name].files] for name in ("files", "either")}
    approvals = {name: dict(answers[name]) for name in ("approval", "danger")}
    answers = {**answers, "secret": answers["secret"] == "hunter2"}  # itself it is stored nowhere
    plain = {**answers, **files, **approvals, "text of either": answers["either"].text, "form": answers["form"].model_dump(mode="json")}
    return {name: str(value) if hasattr(value, "isoformat") else value for name, value in plain.items()}

@graph_fn(outputs=["answers"])
async def one_by_one(*, context):
    answers = {}
    for name, question in questions(context.channel()).items():
        answers[name] = await question
    return {"answers": shown(answers)}

@graph_fn(outputs=["n"])
async def at_once(timeout=None, *, context):
    asked = questions(context.channel(), **({} if timeout is None else {"timeout": timeout}))
    got = await asyncio.gather(*asked.values(), wait_for_event("never"), return_exceptions=True)
    return {"n": len(got)}
'''
COUNT = 18
"""Questions that `at_once` has open."""

ANSWERS = {
    "text": "Ada",
    "pattern": "1.4",
    "multiline": "It\nbroke",
    "secret": True,
    "approval": {"choice": "No", "approved": False, "reason": "not yet"},
    "danger": {"choice": "Delete", "approved": False, "reason": "old"},
    "radio": "l",
    "checks": ["fetch", "train"],
    "search": "Lisbon",
    "several": ["Athens", "Zürich"],
    "number": 12,
    "slider": 7,
    "date": "2026-12-24",
    "moment": "2026-12-24 09:30:00+00:00",
    "files": ["small.csv"],
    "either": [],
    "text of either": "see above",
    "form": {
        "name": "Ada",
        "seats": 2,
        "day": "2026-12-24",
        "cabin": "business",
        "meal": "any",
        "insured": True,
        "budget": None,
        "contact": {"email": "ada@example.org", "phone": None},
        "others": [{"name": "Bob", "age": 36}],
    },
}


class Typist:
    """Somebody with a keyboard and no mouse, before the run of a cell."""

    def __init__(self, notebook: Notebook, index: int) -> None:
        self._page: Page = notebook.page
        self._keyboard: Keyboard = self._page.keyboard
        self._prompt: Callable[..., object] = lambda: notebook.prompt(index)
        self._notebook = notebook
        self._index = index
        self._choosers: list[FileChooser] = []
        self._page.on("filechooser", self._chosen)

    def _chosen(self, chooser: FileChooser) -> None:
        self._choosers.append(chooser)

    def wait(self, question: str) -> None:
        """Until the cursor stands in a question of its own accord."""
        card = self._notebook.prompt(self._index).filter(has_text=question)
        expect(card.locator(":is(input, textarea, button):focus")).to_have_count(1)

    def keys(self, *keys: str) -> None:
        """Press keys by name; what is no name of a key is typed."""
        for key in keys:
            if key[0].isupper() and key.split("+")[0] in NAMES:
                self._keyboard.press(key)
            else:
                self._keyboard.type(key, delay=10)

    def give_file(self, path: Path) -> None:
        """Press the button under the cursor, and take a file in the dialog that opens."""
        self._keyboard.press("Enter")
        while not self._choosers:
            self._page.wait_for_event("filechooser")
        self._choosers.pop().set_files(path)


NAMES = {"Enter", "Tab", "Shift", "Control", "Space", "End", "Escape", "Backspace"} | {
    f"Arrow{way}" for way in ("Up", "Down", "Left", "Right")
}
