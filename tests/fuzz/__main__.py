"""`python -m tests.fuzz TARGET SECONDS`: one target, guided by coverage, with atheris.

It ends with 0 after so many seconds, or with what libFuzzer says at the first input that no target
may fail at; that input is then in the current folder, as crash-….
"""

import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ModuleNotFoundError:
    sys.exit("NOT FUZZED: there is no atheris for this Python or this system.")

with atheris.instrument_imports(include=["roomcast"]):
    from .targets import SEEDS, TARGETS


def main(name: str, seconds: str) -> None:
    """Fuzz one target; libFuzzer ends the process."""
    corpus = Path(tempfile.mkdtemp(prefix=f"roomcast-fuzz-{name}-"))
    for number, seed in enumerate(SEEDS[name]):
        (corpus / str(number)).write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


main(*sys.argv[1:])
