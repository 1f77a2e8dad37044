"""What is asked and what comes back, as data: prompts, replies, files. Not how it looks.

`events.py` carries these, channels show them, every door to a run checks replies with `check_reply`. A new kind
of prompt is a class in a module here and a line in `kinds`, a component on the page, and a line in each channel.
Begin with `text.py`: a kind says what it has, what answers it, and how that looks as a JSON Schema.
"""

from aether_nb.prompts.approval import ApprovalPrompt
from aether_nb.prompts.base import PromptBase, headline, plain_json
from aether_nb.prompts.callback import CallbackPrompt
from aether_nb.prompts.choice import ChoicePrompt, Option
from aether_nb.prompts.date import DatePrompt
from aether_nb.prompts.files import FileGiven, FileRef, FilesPrompt, FilesReply, TakesFiles, TextOrFilesPrompt
from aether_nb.prompts.form import FormPrompt
from aether_nb.prompts.kinds import PROMPT, AnyPrompt, Prompt, check_reply, is_secret, reply_schema
from aether_nb.prompts.models import form_of, instance_of
from aether_nb.prompts.number import NumberPrompt
from aether_nb.prompts.polling import Poll
from aether_nb.prompts.replies import Reply
from aether_nb.prompts.schemas import check_schema, schema_hash
from aether_nb.prompts.text import TextPrompt
from aether_nb.prompts.unknown import UnknownPrompt

__all__ = [
    "PROMPT",
    "AnyPrompt",
    "ApprovalPrompt",
    "CallbackPrompt",
    "ChoicePrompt",
    "DatePrompt",
    "FileGiven",
    "FileRef",
    "FilesPrompt",
    "FilesReply",
    "FormPrompt",
    "NumberPrompt",
    "Option",
    "Poll",
    "Prompt",
    "PromptBase",
    "Reply",
    "TakesFiles",
    "TextOrFilesPrompt",
    "TextPrompt",
    "UnknownPrompt",
    "check_reply",
    "check_schema",
    "form_of",
    "headline",
    "instance_of",
    "is_secret",
    "plain_json",
    "reply_schema",
    "schema_hash",
]
