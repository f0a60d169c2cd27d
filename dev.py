"""One file from a clone to a running Moorage. It needs Python 3.11 and a package index, nothing else.

    python3 dev.py up [FOLDER] [options]   set up, then serve the example handbook (or FOLDER) and print the address
    python3 dev.py test [pytest options]   set up, then run the tests
    python3 dev.py check                   the whole gate: format, lint, types, layers, tests and docs
    python3 dev.py engine                  the tests against a real model server
    python3 dev.py format                  put the source into shape
    python3 dev.py docs                    write the generated parts of the docs again
    python3 dev.py lock                    make the lock files again with the newest releases

The first run makes `.venv` here; later runs reuse it until a lock file changes. An option after `up` goes to `moorage up`.
"""

# Syntax of old Pythons only above the version check, so that they can say the sentence.
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older Python may come along
    sys.exit("Moorage needs Python 3.11 or newer; this is %d.%d. Install one and run it as `python3.11 dev.py`." % sys.version_info[:2])  # noqa: UP031

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
USER_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"


def main(words: list[str]) -> int:
    commands = {"up": up, "test": test, "check": check, "engine": engine, "format": reformat, "docs": docs, "lock": lock}
    if not words or words[0] not in commands:
        print(__doc__)
        return 0 if words and words[0] in ("-h", "--help", "help") else 2
    if words[0] != "up":  # whose folder is meant from where the user stands
        os.chdir(ROOT)
    return commands[words[0]](words[1:])


def up(words: list[str]) -> int:
    set_up(USER_LOCK)
    names_a_folder = bool(words) and not words[0].startswith("-")
    return become("moorage", "up", *([] if names_a_folder else [str(ROOT / "examples" / "handbook")]), *words)


def test(words: list[str]) -> int:
    set_up(DEV_LOCK)
    return become("pytest", *words)


def engine(words: list[str]) -> int:
    set_up(DEV_LOCK)
    return become("pytest", "-m", "engine", *words)


def check(words: list[str]) -> int:
    """Every step runs, so that one visit shows everything there is to mend; the tests come last."""
    set_up(DEV_LOCK)
    steps = {
        "format": ("ruff", "format", "--check", "--quiet", "--output-format", "concise", "."),
        "lint": ("ruff", "check", "--quiet", "--output-format", "concise", "."),
        "types": ("pyright", "--pythonpath", str(PYTHON)),
        "layers": ("lint-imports", "--no-cache"),
    }
    failed = []
    for name, command in steps.items():
        print(f"-- {name}", flush=True)
        if run(*command):
            failed.append(name)
    print("-- tests", flush=True)
    if run("pytest", *words) if words else all_tests():
        failed.append("tests")
    if failed:
        print(f"Not yet: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def all_tests() -> int:
    """Two runs side by side: tests of faces and clients wait for programs most of the time. The second one's words follow the first one's."""
    tests = ROOT / "tests"
    waiting = [f"tests/{name}" for name in ("faces", "journeys", "clients")]
    reckoning = sorted({f"tests/{path.relative_to(tests).parts[0]}" for path in tests.rglob("test_*.py")} - {*waiting, "tests/engine"})
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen([find("pytest"), *waiting], env=inside(), stdout=said, stderr=subprocess.STDOUT) as beside:
            failed = run("pytest", *reckoning)
            failed = beside.wait() or failed
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    return failed


def reformat(words: list[str]) -> int:
    set_up(DEV_LOCK)
    return run("ruff", "format", ".") or run("ruff", "check", "--fix", ".", *words)


def docs(words: list[str]) -> int:
    set_up(DEV_LOCK)
    return run("python", "-m", "tests.docs.generated", *words)


def lock(words: list[str]) -> int:
    """The only command that wants uv; the locks it writes are read by plain pip."""
    uv = shutil.which("uv")
    if not uv:
        sys.exit("Making the lock files needs uv: `pip install uv`, then run this again. Reading them does not.")
    compile_lock = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
    compile_lock += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "pyproject.toml", *words]
    subprocess.run([*compile_lock, "--output-file", USER_LOCK.name], check=True)
    subprocess.run([*compile_lock, "--extra", "dev", "--constraint", USER_LOCK.name, "--output-file", DEV_LOCK.name], check=True)
    return 0


def become(program: str, *words: str) -> int:
    """Turn into a program of the environment, so that signals and the exit status are its own. Windows can only start it and wait."""
    if os.name != "nt":
        os.execve(find(program), [program, *words], inside())
    return run(program, *words)


def run(program: str, *words: str) -> int:
    """Run a program of the environment and return its exit status."""
    with subprocess.Popen([find(program), *words], env=inside()) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reached the child as well; it says goodbye itself


def find(program: str) -> str:
    found = shutil.which(program, path=str(PROGRAMS))
    if not found:
        sys.exit(f"{program} is not in {ENVIRONMENT}. Remove that folder and run this again.")
    return found


def inside() -> dict[str, str]:
    """The variables of an activated environment."""
    path = os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", "")])
    return {**os.environ, "VIRTUAL_ENV": str(ENVIRONMENT), "PATH": path}


def set_up(wanted: Path) -> None:
    """Bring `.venv` to what the lock says; do nothing when it is there already. The development lock contains the user's."""
    stamps = {lock_file: ENVIRONMENT / f".{lock_file.stem}.stamp" for lock_file in (USER_LOCK, DEV_LOCK)}
    enough = [wanted] if wanted == DEV_LOCK else [USER_LOCK, DEV_LOCK]
    if any(read(stamps[lock_file]) == fingerprint(lock_file) for lock_file in enough):
        return
    began = time.monotonic()
    make_environment()
    for stamp in stamps.values():
        stamp.unlink(missing_ok=True)
    count = sum("==" in line for line in wanted.read_text(encoding="utf-8").splitlines())
    print(f"Setting up .venv with {count} packages; this happens once and takes a minute or two.", file=sys.stderr, flush=True)
    pip("install", "--require-hashes", "--no-deps", "--requirement", str(wanted), expected=count)
    pip("install", "--no-deps", "--editable", str(ROOT))
    stamps[wanted].write_text(fingerprint(wanted), encoding="utf-8")
    print(f"Ready after {time.monotonic() - began:.0f} s.", file=sys.stderr, flush=True)


def read(stamp: Path) -> str:
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def fingerprint(lock_file: Path) -> str:
    """Changes when the lock, the package's own metadata, the Python or the place of the clone changes."""
    digest = hashlib.sha256(lock_file.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    digest.update(repr((sys.version_info[:2], str(ROOT))).encode())
    return digest.hexdigest()


def make_environment() -> None:
    """Make `.venv` where it is missing, broken, moved, or of another Python."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", PROBE], check=False, capture_output=True).returncode == 0:
        return
    with_pip = importlib.util.find_spec("ensurepip") is not None
    if not with_pip and importlib.util.find_spec("pip") is None:
        sys.exit("This Python has neither ensurepip nor pip. On Debian or Ubuntu: `apt install python3-venv`; then run this again.")
    command = [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]
    made = subprocess.run(command if with_pip else [*command, "--without-pip"], check=False, capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"`{' '.join(command)}` failed:\n{made.stdout}{made.stderr}\nOn Debian or Ubuntu: `apt install python3-venv`.")


PROBE = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]} or sys.prefix != {str(ENVIRONMENT)!r})"


def pip(*words: str, expected: int = 0) -> None:
    """Run pip on the environment, showing one line of progress; its own words are shown only when it fails."""
    inside = importlib.util.find_spec("ensurepip") is not None
    command = [str(PYTHON), "-m", "pip"] if inside else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    shows_progress = sys.stderr.isatty() and expected > 0
    said: list[str] = []
    seen = 0
    with subprocess.Popen(
        [*command, *words, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        assert child.stdout
        for line in child.stdout:
            said.append(line)
            seen += line.startswith(("Collecting ", "Requirement already satisfied"))
            if shows_progress:
                print(f"\r\x1b[K{progress(line, seen, expected)}", end="", file=sys.stderr, flush=True)
    if shows_progress:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if child.returncode:
        sys.exit(
            "".join(said[-30:]) + "\nInstalling failed. Is the package index reachable? Nothing else was changed; run this again to go on."
        )


def progress(line: str, seen: int, expected: int) -> str:
    words = line.split()
    if line.startswith("Installing"):
        return f"  unpacking {expected} packages"
    return f"  {min(seen, expected)}/{expected} {words[1] if line.startswith('Collecting ') else ''}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
