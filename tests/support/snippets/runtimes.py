"""Write the snippets into a folder, build what has to be built, and let a driver answer."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from waypost.portal.snippets import LANGUAGES, Way, snippet

DRIVERS = Path(__file__).parent
SECONDS = 60
PROGRAMS = {
    "python": (sys.executable,),
    "node": ("node",),
    "php": ("php",),
    "go": ("go",),
    "ruby": ("ruby",),
    "java": ("javac", "java"),
    "csharp": ("dotnet",),
}
# What prints a program's version, and the least one that knows all that the snippets use.
LEAST = {
    "node": ("--version", (14, 0)),
    "php": ("--version", (8, 0)),
    "go": ("version", (1, 20)),
    "ruby": ("--version", (3, 0)),
    "javac": ("-version", (17, 0)),
    "java": ("-version", (17, 0)),
    "dotnet": ("--version", (6, 0)),
}
SUFFIXES = {language.key: language.suffix for language in LANGUAGES}
GO_MODULE = "module driver\n\ngo 1.20\n"
DOTNET_PROJECT = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net{major}.0</TargetFramework>
    <UseAppHost>false</UseAppHost>
  </PropertyGroup>
</Project>
"""
# What is built needs no package, so nothing may be fetched: neither modules nor another version of the tool chain.
OFFLINE = {
    "GOFLAGS": "-mod=mod",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "CGO_ENABLED": "0",
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
    "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
}


@dataclass(frozen=True)
class Given:
    """What a snippet is given: ``key`` is the secret or the e-mail address."""

    body: bytes
    headers: dict[str, str]
    key: str

    def line(self) -> str:
        body = base64.b64encode(self.body).decode()
        return json.dumps({"body_base64": body, "headers": self.headers, "key": self.key}) + "\n"


class Runtimes:
    """The languages of this machine; each is built once, and skips the test if its programs are not here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built = cache(self._build)

    def ask(self, language: str, way: Way, given: Iterable[Given]) -> list[str]:
        """Start a language's driver once and give its line for each; fails the test for a crash."""
        for program in PROGRAMS[language]:
            _skip_without(program)
        command = self._built(language)(way)
        lines = [one.line() for one in given]
        done = subprocess.run(
            command, input="".join(lines), capture_output=True, text=True, timeout=SECONDS, check=False
        )
        answers = done.stdout.splitlines()
        if done.returncode != 0 or len(answers) != len(lines):
            pytest.fail(
                f"crashed after {len(answers)} of {len(lines)} answers:\n{done.stdout[-500:]}{done.stderr[-3000:]}"
            )
        return answers

    def _build(self, language: str) -> Callable[[Way], list[str]]:
        folder = Path(mkdtemp(prefix=language, dir=self._folder))
        match language:
            case "go":
                return _go(folder)
            case "java":
                return _java(folder)
            case "csharp":
                return _csharp(folder)
            case _:
                return _interpreted(language, folder)


@cache
def _version(program: str) -> tuple[int, int]:
    """Return a program's version; (0, 0) if it is missing, or is a ``dotnet`` that can run but not build."""
    option, _ = LEAST[program]
    if shutil.which(program) is None:
        return (0, 0)
    done = subprocess.run([program, option], capture_output=True, text=True, timeout=SECONDS, check=False)
    found = re.search(r"(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return (int(found[1]), int(found[2] or 0)) if found and done.returncode == 0 else (0, 0)


def _skip_without(program: str) -> None:
    if program != sys.executable and _version(program) < LEAST[program][1]:
        pytest.skip(f"there is no {program} of version {'.'.join(map(str, LEAST[program][1]))} or later here")


def _interpreted(language: str, folder: Path) -> Callable[[Way], list[str]]:
    suffix = SUFFIXES[language]
    for way in Way:
        (folder / f"{way}.{suffix}").write_text(snippet(language, way))
    return lambda way: [*PROGRAMS[language], str(DRIVERS / f"driver.{suffix}"), str(folder / f"{way}.{suffix}")]


def _go(folder: Path) -> Callable[[Way], list[str]]:
    (folder / "go.mod").write_text(GO_MODULE)
    shutil.copy(DRIVERS / "driver.go", folder)
    for way in Way:
        (folder / way).mkdir()
        (folder / way / f"{way}.go").write_text(snippet("go", way))
    _run(folder, "go", "build", "-o", "driver", ".")
    return lambda way: [str(folder / "driver"), way]


def _java(folder: Path) -> Callable[[Way], list[str]]:
    shutil.copy(DRIVERS / "Driver.java", folder)
    names = {way: _class_of(snippet("java", way)) for way in Way}
    for way, name in names.items():
        (folder / f"{name}.java").write_text(snippet("java", way))
    _run(folder, "javac", "-encoding", "UTF-8", *(path.name for path in folder.glob("*.java")))
    return lambda way: ["java", "-XX:TieredStopAtLevel=1", "-cp", str(folder), "Driver", names[way]]


def _csharp(folder: Path) -> Callable[[Way], list[str]]:
    shutil.copy(DRIVERS / "Driver.cs", folder)
    names = {way: _class_of(snippet("csharp", way)) for way in Way}
    for way, name in names.items():
        (folder / f"{name}.cs").write_text(snippet("csharp", way))
    (folder / "Driver.csproj").write_text(DOTNET_PROJECT.format(major=_version("dotnet")[0]))
    (folder / "no-packages").mkdir()
    source = f"-p:RestoreSources={folder / 'no-packages'}"
    _run(folder, "dotnet", "build", "--configuration", "Release", "--output", "out", source)
    return lambda way: ["dotnet", str(folder / "out" / "Driver.dll"), names[way]]


def _class_of(text: str) -> str:
    found = re.search(r"^public (?:final|static) class (\w+)", text, re.MULTILINE)
    assert found
    return found[1]


def _run(folder: Path, *command: str) -> str:
    environment = {**os.environ, **OFFLINE}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3 * SECONDS, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
