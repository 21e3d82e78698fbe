"""The offline model: a script that speaks the OpenAI protocol on the loopback interface.

It stands in for a language model where there is none: in ``jupyter hermes tour``, and in every
test. The agent that talks to it is the real one.
"""

from .script import Script, Step, ToolCall
from .server import OfflineModel

__all__ = ["OfflineModel", "Script", "Step", "ToolCall"]
