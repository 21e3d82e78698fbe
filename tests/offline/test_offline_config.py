"""The Hermes home of the offline model."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hermes_jupyter.offline import OfflineModel
from hermes_jupyter.offline.config import KEY_VARIABLE, URL_VARIABLE, write_home

yaml: Any = pytest.importorskip("yaml")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_private(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    write_home(home)
    assert mode(home) == 0o700
    assert {path.name: mode(path) for path in home.iterdir()} == {
        "config.yaml": 0o600,
        ".update_check": 0o600,
    }


def test_a_home_that_was_open_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write_home(tmp_path)
    assert mode(tmp_path) == 0o700


def test_the_configuration_names_the_model(tmp_path: Path) -> None:
    write_home(tmp_path, model="scripted", context_length=70_000)
    settings = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert settings["model"] == {
        "default": "scripted",
        "provider": "custom",
        "base_url": "${HERMES_JUPYTER_OFFLINE_URL}",
        "api_key": "${HERMES_JUPYTER_OFFLINE_KEY}",
        "context_length": 70_000,
    }
    assert settings["approvals"]["mode"] == "manual"
    assert settings["compression"]["in_place"] is False
    assert settings["security"]["allow_lazy_installs"] is False


@pytest.mark.asyncio
async def test_address_and_key_are_in_the_environment_alone(tmp_path: Path) -> None:
    async with OfflineModel() as model:
        write_home(tmp_path)
        assert model.environ == {URL_VARIABLE: model.base_url, KEY_VARIABLE: model.key}
        assert all(model.key not in path.read_text() for path in tmp_path.iterdir())


def test_a_changed_configuration_stays(tmp_path: Path) -> None:
    write_home(tmp_path)
    (tmp_path / "config.yaml").write_text("command_allowlist: [recursive delete]\n")
    write_home(tmp_path)
    assert (tmp_path / "config.yaml").read_text() == "command_allowlist: [recursive delete]\n"


def test_no_news_are_fetched(tmp_path: Path) -> None:
    write_home(tmp_path, agent_version="0.19.1")
    news = json.loads((tmp_path / ".update_check").read_text())
    assert (news["behind"], news["rev"], news["ver"]) == (None, None, "0.19.1")
