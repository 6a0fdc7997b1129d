"""Make docs/comment.png, the picture of the README: a real review of a made-up repository, rendered as GitHub renders Markdown.

Run it by `make picture`. It needs Chromium on PATH, and the Python packages of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.kit import events  # noqa: E402
from tests.kit.repo import Repo  # noqa: E402
from tests.kit.sops import new_key  # noqa: E402

SERVICES = ("AUTH", "BILLING", "CACHE", "EMAIL", "EXPORT", "METRICS", "QUEUE", "SEARCH", "STORAGE", "UPLOAD")
PARTS = ("HOST", "PASSWORD", "PORT", "TIMEOUT", "TOKEN", "USER")
STYLE = """
body{margin:0;padding:20px;background:#fff;width:880px;font:14px/1.5 -apple-system,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif;color:#1f2328}
article{border:1px solid #d1d9e0;border-radius:6px;padding:8px 20px 14px}
h3{font-size:18px;margin:12px 0 10px}code{background:#eff1f3;border-radius:5px;padding:2px 5px;font:12px 'DejaVu Sans Mono',monospace}
table{border-collapse:collapse;margin:10px 0}td,th{border:1px solid #d1d9e0;padding:5px 11px}tr:nth-child(2n){background:#f6f8fa}
details{margin:6px 0}summary{cursor:pointer}sub{font-size:11px;color:#59636e;line-height:1.4;vertical-align:baseline}p{margin:8px 0}
"""


def values(**changed: object) -> dict[str, object]:
    """Return 62 variables of which some are changed."""
    made = {f"{service}_{part}": f"made-up {service} {part}".lower() for service in SERVICES for part in PARTS}
    return {"DEBUG": False, "REDIS_URL": "made-up redis 1", **made, **changed}


def history(repo: Repo) -> None:
    """Write two years of an environment: a key that was retired, a laptop that could read all."""
    sam = new_key()
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\nreveal: [DEBUG]\n")
    repo.write(
        ".sops.yaml",
        f"keys:\n  - &platform {repo.key.recipient}\n  - &sam_laptop {sam.recipient}\n"
        "creation_rules:\n  - path_regex: envs/\n    key_groups:\n      - age: [*platform, *sam_laptop]\n",
    )
    retired, present = {"STRIPE_SECRET_KEY": "made-up stripe 2025"}, {"STRIPE_SECRET_KEY": "made-up stripe 2026"}
    repo.hours = -16_000
    repo.env("envs/staging.yaml", {"DEBUG": True}, repo.key)
    repo.env("envs/production.yaml", values(**retired), repo.key, sam)
    repo.commit("Begin", author="carol")
    repo.hours = 6_000
    repo.env("envs/production.yaml", values(**present), repo.key, sam)
    repo.commit("Rotate the Stripe key", author="dave")
    repo.git("switch", "-qc", "feature")
    repo.env("envs/production.yaml", values(**retired, DEBUG=True, REDIS_URL="made-up redis 2"), repo.key)
    repo.commit("Move to the new Redis", author="alice")


def envgit(repo: Path, *words: str, **environ: str) -> None:
    """Run envgit in a process of its own."""
    command = [sys.executable, "-m", "envgit", *words]
    subprocess.run(
        command, cwd=repo, env={**os.environ, "PYTHONPATH": str(ROOT), **environ}, check=True, stdout=subprocess.DEVNULL
    )


def reviewed(folder: Path) -> str:
    """Return the comment on the proposal, as the Action writes it."""
    repo = Repo(folder / "platform")
    history(repo)
    origin = folder / "origin.git"
    repo.git("clone", "-q", "--bare", str(repo.path), str(origin))
    repo.git("remote", "add", "origin", str(origin))
    repo.git("fetch", "-q", "origin")
    key = {"SOPS_AGE_KEY": repo.key.identity, "HOME": str(folder)}
    repo.git("switch", "-q", "main")
    envgit(repo.path, "init", "--no-workflows", **key)
    envgit(repo.path, "record", "--push", **key)
    base, head = (repo.git("rev-parse", name) for name in ("main", "feature"))
    event = folder / "event.json"
    event.write_text(json.dumps(events.pull_request(415, "synchronize", base, head, head_ref="feature")))
    runner = {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/platform",
        "GITHUB_RUN_ID": "7140",
        "RUNNER_TEMP": str(folder),
    }
    envgit(repo.path, "ci", **key, **runner)
    return (folder / "envgit-report" / "comment.md").read_text()


def main() -> None:
    """Make the picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("chromium is not on PATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = reviewed(folder)
        options = Options.CMARK_OPT_UNSAFE
        page = cmarkgfm.github_flavored_markdown_to_html(text, options)
        (folder / "comment.html").write_text(
            f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><article>{page}</article>"
        )
        picture = ROOT / "docs" / "comment.png"
        size = ["--force-device-scale-factor=2", "--window-size=962,700", "--hide-scrollbars"]
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        subprocess.run(
            [chromium, *quiet, *size, f"--screenshot={picture}", str(folder / "comment.html")],
            check=True,
            capture_output=True,
        )
    print(f"wrote {picture.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
