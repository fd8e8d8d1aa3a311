"""Secrets in variables, arguments, case files and logs. All are made up, and put together here from parts, so that no
scanner of this repository takes one for true."""

import json
from pathlib import Path

import pytest

from nbcompare.engine.processes.process import allowed_environment, recorded_environment
from nbcompare.engine.processes.redact import HIDDEN, redact_file, redacted, redacted_value, secrets_among
from nbcompare.engine.processes.service_tokens import MARKS_OF, patterns_of
from tests.nbcompare.conftest import FAKES, SMALL_ARGS

MADE_UP = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
HEX, LOW, CAPITALS = "0123456789abcdef" * 4, "a1b2c3d4e5f6g7h8i9j0k1l2m3", "A2C4E6G8J2K4M6P8"
WEAK = "hunter2"
"""A password without the look of a secret: what stands around it has to tell."""

QUERY = ("sig", "token", "access_token", "key", "api_key", "apikey", "secret", "client_secret", "password", "passwd",
         "pwd",
         "auth", "code", "X-Amz-Signature", "X-Goog-Signature", "X-Amz-Security-Token", "private_token", "jwt", "sas",
         "sessionid", "refresh_token", "id_token")
SETTINGS = ("PASSWORD=", "DB_PASSWORD=", "db.password = ", "secret: ", "AWS_SECRET_ACCESS_KEY=", "aws_session_token=",
            "AccountKey=", "SharedAccessKey=", "SharedAccessSignature=", "client_secret=", "apikey: ", "API_KEY=",
            "access-key: ", "private_key=", "Password=x;Pwd=", "passphrase=", "NPM_TOKEN=", "'token': '",
            '"api_key": "',
            "--token=", "--token ", "--password ", "--api-key=", "X-Api-Key: ", "X-Auth-Token: ", "Cookie: session=",
            "Set-Cookie: id=", "Authorization: Basic ", "Authorization: Bearer ", "Proxy-Authorization: Basic ",
            "Authorization: ", "curl -u me:", "curl --user me:", "machine h.example login me password ")
HOOKS = ("hooks.slack.com/services/T0/B0/", "hooks.slack.com/workflows/T0/", "discord.com/api/webhooks/1/",
         "discordapp.com/api/webhooks/1/", "outlook.office.com/webhook/", "x.webhook.office.com/webhookb2/",
         "hooks.zapier.com/hooks/catch/1/", "maker.ifttt.com/trigger/a/with/key/", "hc-ping.com/",
         "api.telegram.org/bot1:",
         "conda.example/t/", "mattermost.example/hooks/")
PREFIXES = {"gh" + "p_": MADE_UP, "gh" + "o_": MADE_UP, "gh" + "s_": MADE_UP, "github" + "_pat_": MADE_UP,
            "glp" + "at-": LOW,
            "npm" + "_": MADE_UP, "hf" + "_": MADE_UP, "sk" + "-": MADE_UP, "sk" + "-ant-api03-": MADE_UP,
            "sk" + "-proj-": MADE_UP, "sk" + "_live_": LOW, "rk" + "_live_": LOW, "xo" + "xb-1-2-": LOW,
            "xa" + "pp-1-": MADE_UP, "AI" + "za": MADE_UP[:35], "ya" + "29.": MADE_UP, "GOC" + "SPX-": LOW,
            "AK" + "IA": CAPITALS,
            "AS" + "IA": CAPITALS, "dop" + "_v1_": HEX, "shp" + "at_": HEX[:32], "gl" + "sa_": MADE_UP,
            "hv" + "s.": MADE_UP,
            "dckr" + "_pat_": LOW, "wh" + "sec_": MADE_UP, "pypi" + "-AgEIcHlwaS5vcmc": MADE_UP * 2, "AC": HEX[:32],
            "S" + "G.": "a" * 22 + "." + "B3" * 21 + "b", "sq" + "0csp-": "a1" * 21 + "b", "1234567890:": MADE_UP[:35],
            "AK" + "C": LOW, "ey" + "J" + "hbGciOiJIUzI1NiJ9.": "eyJ" + MADE_UP + "." + MADE_UP, "dapi": HEX[:32],
            "NR" + "AK-": CAPITALS, "lin" + "_api_": MADE_UP, "ts" + "key-auth-": MADE_UP, "rub" + "ygems_": HEX[:48]}
KEYS = ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
SECRETS = [
    *((f"{scheme}://{who}{MADE_UP}@h.example/x", MADE_UP) for scheme in
      ("https", "http", "ftp", "ssh", "postgres", "redis", "amqp", "mongodb+srv", "git+https")
      for who in ("", "me:", "x-token:")),
    *((f"{scheme}://me:{WEAK}@h.example:5432/x", WEAK) for scheme in ("https", "postgresql", "mysql", "smtp")),
    (f"https://me:{WEAK}/a@h.example/", WEAK), (f"pip install me:{WEAK}@h.example", WEAK),
    (f"jdbc:oracle:thin:scott/{WEAK}@h.example:1521", WEAK),
    *((f"https://h.example/x{sep}{name}={MADE_UP}", MADE_UP) for sep in ("?", "?a=1&") for name in QUERY),
    *((f"{setting}{value}", value) for setting in SETTINGS for value in (MADE_UP, WEAK + "abcd1")),
    *((f"https://{place}{MADE_UP}", MADE_UP) for place in HOOKS),
    *((f"said {prefix}{rest} twice", rest) for prefix, rest in PREFIXES.items()),
    *((f"-----BEGIN {kind}PRIVATE " + f"KEY-----\n{MADE_UP}\nxyz\n-----END {kind}PRIVATE " + "KEY-----\n", MADE_UP)
      for kind in KEYS),
    ("-----BEGIN PGP PRIVATE " + f"KEY BLOCK-----\n\n{MADE_UP}", MADE_UP), ("AGE-SECRET-" + f"KEY-1{CAPITALS}",
    CAPITALS),
]
ORDINARY = [
    *map(str, (0, 1, -1, 17, 1e18, 0.5e-3, 1 / 7, 6.2e-10)), *(f"{x / 7}" for x in range(1, 12)),
    HEX, HEX[:40], HEX[:12], f"sha256:{HEX}", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    f"{HEX}  inputs/data/A.mat", "3dc94c1", f"git+https://h.example/port.git@{HEX[:40]}", "v2.5.1+cu121", "torch 2.5.1",
    "nanobrag_torch 0.1.0 device=cpu dtype=float32 threads=2", "3.11.2 (main, Nov 30 2024, 21:22:50) [GCC 12.2.0]",
    "Linux-6.1.0-18-amd64-x86_64-with-glibc2.36", "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
    "-lambda", "-N", "-mat", "-hkl", "-default_F", "-detpixels_x", "-pix0_vector_mm", "-seed", "-mosaic_seed",
    "-printout_pixel",
    "-key", "-pass", "-phisteps", "-hdivsteps", "-oversample_thick", "-nopgm", "-interpolate", "-spindle_axis",
    "-Xclose",
    "A.mat", "P1.hkl", "image.bin", "/data/P1.hkl", "/home/me/src/port/engine.py", "/opt/conda/envs/nb-3.11/bin/python",
    "../up/down/file.with.dots.txt", "C:\\data\\A.mat", "/srv/x86_64-conda-linux-gnu/lib/libgomp.so.1.0.0",
    "/scratch/ab12cd34ef56/scratch-c", "/data/20261125T174609Z", "supervisor/20261125T174609Z",
    "token_file=/etc/nb/token",
    "tokens: 512", "max_tokens=4096", "/opt/a:/opt/b", "/opt/a:/opt/b@2", "cuda:0",
    "GPU-5a2f1c3d-0001-0002-0003-000000000004",
    "granularity=fine,compact,1,0", "conda-forge", "base", "py311-cuda12.1", "(nb) ", "C.UTF-8", "Europe/Berlin",
    "https://h.example/x.git", "https://h.example:8080/x/y@z", "https://me@h.example/x",
    "ssh://git@h.example/me/port.git",
    "git@h.example:me/port.git", "file:///data/a.cbf", "https://h.example/x?page=2&sort=up", "http://h.example/#key",
    "me@h.example", "A. Person <a.person@h.example>", "ssh-ed25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "-0.0213 0.0032 0.0144 0.0021 -0.0283 0.0044 0.0121 0.0050 0.0290", "1 0 0 5.5", "h k l F", "100 156 100 156",
    "correlation >= 0.9995", "sum_ratio 0.99 .. 1.01 (the same scale)", "PASS", "ENGINE FAILED", "NOT-PROVEN",
    "basic assumptions hold here", "bearer of the crystal", "a secret hidden in the sum", "token ring", "key: value",
    "pass: 3, fail: 0", "3 passed, 1 failed in 0.42 s", "no password needed", "the signature was checked",
    "auth is off",
    "authorization is not needed", "session ended", "cookie cutter", "wrote float image floatimage.bin",
    " phi steps: 10  sources: 1  mosaic domains: 10", "custom convention selected.",
    "Miller/structure factor stats: valid",
    "TRACE_C: k_frac 0.123456789012", "scratch-py", "python -m pytest tests/test_a.py::test_b[x-1]",
    "test_secret.py::test_a",
    "risk-free", "task-list", "desk-top-computer-1234", "fpu-l1", "spat-1", "stability-1e-7", "ASIAN", "AKIA",
    "ghost_1",
    "singles-1", "https://h.example/t/short", "/data/t/12345678/x", "2026-11-25T17:46:09+00:00",
    "12:34:56.789012345678901",
    "x" * 400, "ACGTACGTACGTACGTACGTACGTACGTACGT", "acc8f0" * 8,
    "nb-compare run cases/supervisor.yaml --c-bin ./nanoBragg",
]


def test_a_hundred_of_each_are_tried():
    assert len({text for text, _ in SECRETS}) >= 150 and len(set(ORDINARY)) >= 100


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=[str(number) for number in range(len(SECRETS))])
def test_a_secret_is_hidden(text, secret):
    assert secret not in redacted(text) and HIDDEN in redacted(text)
    assert secret not in redacted(f"{'word ' * 2000}\n{text}\nmore")


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_value_stays_whole(text):
    assert redacted(text) == text


def test_what_is_hidden_stays_hidden_and_nothing_more():
    for text, _ in SECRETS:
        assert redacted(redacted(text)) == redacted(text)
    assert json.loads(redacted(json.dumps({"api_key": MADE_UP, "n": 1}))) == {"api_key": HIDDEN, "n": 1}


# --- where they could come in, and where they would stay --------------------------------------------------------

URL = f"https://me:{MADE_UP}@h.example/x"
PRINTS = f"""\
import os, sys
sys.path.insert(0, {str(FAKES)!r})
print("pushing to", {URL!r})
print("-----BEGIN PRIVATE " + "KEY-----\\n" + {MADE_UP!r} + "\\n-----END PRIVATE " + "KEY-----", file=sys.stderr)
if "-version" not in sys.argv:
    open("left.txt", "w").write("Authorization: Bearer " + {MADE_UP!r})
    open("left.bin", "wb").write(bytes(99))
from good import *
"""


def holding(folder, secret=MADE_UP):
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.fixture
def prints(tmp_path):
    """An engine that tells secrets on both streams, in its version line and in a file; it fails when it is bad.py."""
    home = tmp_path.parent / f"{tmp_path.name}-engines"
    home.mkdir()
    (home / "prints.py").write_text(PRINTS)
    (home / "bad.py").write_text(PRINTS.replace("from good import *", "sys.exit('token=' + " + repr(MADE_UP) + ")"))
    return home


@pytest.mark.parametrize("subject", ["prints.py", "bad.py"])
def test_nothing_an_engine_tells_is_kept_or_shown(nb, fake, small_case, prints, tmp_path, quick_runs, subject):
    said = nb("run", small_case, "--c-bin", fake("twin"), "--py-bin", prints / subject, "--junit", "a.xml",
              "--markdown", "a.md", "--github")
    (folder,) = Path("bundles/small").iterdir()
    assert said.code in (0, 2) and nb("verify", folder).code == 0
    said_too = [nb("report", folder, "--html", "page.html"), nb("show", folder), nb("list", "--format", "json")]
    assert holding(tmp_path) == [] and MADE_UP not in "".join(each.out + each.err for each in (said, *said_too))
    assert HIDDEN in (folder / "inputs/py_cli_stdout.txt").read_text()


def test_nor_in_the_one_shot(nb, fake, prints, tmp_path):
    said = nb("--outdir", "out", "--c-bin", fake("twin"), "--py-bin", prints / "bad.py", "--", *SMALL_ARGS)
    assert said.code == 2 and holding(tmp_path) == [] and MADE_UP not in said.out + said.err
    assert HIDDEN in Path("out/summary.json").read_text()


@pytest.mark.parametrize("more", [f"environment: {{NB_MIRROR: '{URL}'}}", f"# {URL}", f"subject_args: [-x, '{URL}']",
                                  f"subject_args: [--token, {MADE_UP}]", f"environment: {{MY_API_KEY: {MADE_UP}}}"])
def test_a_case_with_a_secret_is_refused_with_its_line(nb, fake, small_case, more):
    small_case.write_text(small_case.read_text() + more + "\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert said.code == 1 and "looks like a secret" in said.err and MADE_UP not in said.out + said.err
    assert f"small.yaml:{small_case.read_text().count(chr(10))}" in said.err and not list(Path("bundles").glob("*/2*"))


@pytest.mark.parametrize("words", [("--py-args", f"-x {URL}"), ("--c-args", f"--password {MADE_UP}")])
def test_an_argument_with_a_secret_is_refused_and_not_changed(nb, fake, small_case, words):
    for call in (("run", small_case), ("--outdir", "out")):
        rest = () if call[0] == "run" else ("--", *SMALL_ARGS)
        said = nb(*call, "--c-bin", fake("good"), "--py-bin", fake("twin"), *words, *rest)
        assert said.code == 1 and "looks like a secret" in said.err and MADE_UP not in said.out + said.err


def test_a_variable_with_a_secret_is_withheld_and_others_are_kept_in_their_known_form(monkeypatch):
    for name, value in {"NB_MIRROR": URL, "NB_HOOK": f"https://hooks.slack.com/services/T0/B0/{MADE_UP}",
                        "NB_OPAQUE": CAPITALS, "NB_DRAWN": MADE_UP, "OMP_NUM_THREADS": "4",
                        "PYTHONPATH": f"/opt/{MADE_UP}/lib",
                        "CUDA_VISIBLE_DEVICES": "0,1", "NB_MODE": "fast"}.items():
        monkeypatch.setenv(name, value)
    recorded, passed = recorded_environment({"NB_OF_CASE": "1"}), allowed_environment()
    assert not {"NB_MIRROR", "NB_HOOK", "NB_DRAWN"} & passed.keys() and passed["NB_OPAQUE"] == CAPITALS
    assert recorded["NB_OPAQUE"] == HIDDEN and recorded["PYTHONPATH"] == f"/opt/{MADE_UP}/lib"
    assert (recorded["OMP_NUM_THREADS"], recorded["CUDA_VISIBLE_DEVICES"], recorded["NB_MODE"]) == ("4", "0,1", "fast")
    assert redacted_value("CUDA_VISIBLE_DEVICES", MADE_UP) == HIDDEN and recorded["NB_OF_CASE"] == "1"


@pytest.mark.parametrize("option", ["--note", "--by"])
def test_a_sign_off_with_a_secret_is_refused(nb, run_small, quick_runs, option):
    run_small()
    Path("phases.yaml").write_text("title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: "
                                   "{files_complete: true}}]\n")
    words = {"--by": "A. Person", "--note": "looked at it", option: f"see {URL}"}
    said = nb("sign", "N1", "--phases", "phases.yaml", *(word for pair in words.items() for word in pair))
    assert said.code == 1 and "looks like a secret" in said.err and MADE_UP not in said.out + said.err


def test_the_value_of_an_option_that_names_a_secret_is_one():
    assert list(secrets_among(("-mat", "A.mat", "--password", WEAK, "-N", "5"))) == [f"--password {HIDDEN}"]
    assert list(secrets_among(("-mat", "A.mat", "-N", "5", "--token", "-x"))) == []


def test_a_long_log_is_read_in_pieces_and_a_key_across_them_is_hidden(tmp_path, monkeypatch):
    monkeypatch.setattr("nbcompare.engine.processes.redact._PIECE", 1 << 12)
    key = "-----BEGIN PRIVATE " + "KEY-----\n" + f"{MADE_UP}\n" * 90 + "-----END PRIVATE " + "KEY-----\n"
    before, log = b"a\xff\n" * 1350, tmp_path / "log"
    log.write_bytes(before + key.encode() + b"end")
    assert redact_file(log) and log.read_bytes() == before + HIDDEN.encode() + b"\nend"
    assert not redact_file(log) and sorted(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("start", ("gldt-", "glrt-", "glc_", "sq0atp-", "xai-", "nvapi-", "ATATT3"))
def test_a_token_is_known_by_how_its_issuer_begins_it(start):
    assert MADE_UP not in redacted(f"loading {start}{MADE_UP} now")


@pytest.mark.parametrize("line", range(0, 24, 3))
def test_a_secret_in_a_log_is_hidden_wherever_it_stands(line):
    """A shorter log is looked at a few lines at a time, and again from the middle of those."""
    lines = [f"step {number}: mean 0.{number}\n" for number in range(24)]
    lines[line:line] = ["connecting\n", f"password={WEAK}\n"]
    assert redacted("".join(lines)) == "".join(lines).replace(WEAK, HIDDEN)


@pytest.mark.parametrize("between", ["\n\n", "\n" * 8, "\n  " * 6, "\r\n" * 6, "\f" * 9])
@pytest.mark.parametrize("written", ["Authorization:{0}Bearer{0}{1}", "wandb login{0}--host{0}{1}",
                                     'name="api_token"{0}value="{1}"'])
def test_a_secret_that_lies_lines_behind_its_name_is_hidden_wherever_a_log_has_it(between, written):
    """A log is looked at in groups of lines, and none of their edges may come between the two."""
    secret = written.format(between, f"{WEAK}-of-mine")
    for before in (0, 3, 47, 50, 97, 99, 149):
        log = "step done, 0.1\n" * before + secret + "\n" + "step done, 0.1\n" * 60
        shown = redacted(log)
        assert WEAK not in shown and HIDDEN in shown and shown.count("step") == before + 60


def test_each_service_of_the_table_is_looked_for():
    """The table is written from the library, where detectors are added; each is looked for by words of its own."""
    table = json.loads(Path("nbcompare/engine/processes/service_tokens.json").read_text(encoding="utf-8"))["patterns"]
    assert list(table) == list(MARKS_OF)
    assert all(patterns_of(service) for service in MARKS_OF)


@pytest.mark.parametrize("token", ["AKCp8jQ1x2Y3z4", "xoxb-1-2-3"])
def test_a_short_token_that_says_what_it_is_is_found_among_short_words(token):
    """Most patterns are read only where a run of letters and digits is as long as nearly every token."""
    assert token not in redacted(f"1% done\nsees {token} here\n2% done\n")
