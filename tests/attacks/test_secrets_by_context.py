"""Secrets that no issuer's prefix tells: words that were drawn, and passwords behind an option or a name."""

import random
import string
from pathlib import Path

import pytest

from nbcompare.engine.processes import redact
from nbcompare.engine.processes.opaque import looks_drawn
from nbcompare.engine.processes.redact import HIDDEN, redacted

HEX, LOW, ALL = string.digits + "abcdef", string.digits + string.ascii_lowercase, string.digits + string.ascii_letters
DRAWN = 12
"""Words drawn for each form."""
SHORT = "hunter2fox"
FORMS = {
    "Mailgun": ("ke" + "y-{}", HEX, 32), "Vault of before": ("token s" + ".{}", ALL, 24), "Square": ("EA" + "AA{}",
    ALL, 60),
    "crates.io": ("ci" + "o{}", ALL, 32), "Terraform": ("{}.atlas" + "v1." + "Ab3" * 22, ALL, 14),
    "Docker's settings": ('"auths": {{"h.example": {{"auth": "{}"}}}}', ALL, 24), "npm's": ("//h.example/:_auth={}",
    ALL, 24),
    "kube's": ("    client-key-data: LS0t{}", ALL, 60), "a key of some name": ("STORAGE_KEY={}", LOW, 20),
    "a key in JSON": ('{{"writeKey": 1, "write_key": "{}"}}', LOW, 20), "a prefix": ("svc_live_{}", LOW, 32),
    "a prefix of two": ("tk-eu-{}", LOW, 40), "capitals behind a prefix": ("HRK-{}",
    string.ascii_uppercase + string.digits, 32)}
PROGRAMS = ("mysql -u me -p{} db", "mysqldump --host h -p{} db", "mariadb-dump -u me -p{}", "sshpass -p {} ssh me@h",
            "docker login -u me -p {} h.example", "podman login h.example -p {}", "mongosh -u me -p {} h",
            "7z a -p{} x.7z",
            "redis-cli -h h -a {} ping", "ldapsearch -x -D cn=me -w {}", "unzip -P {} x.zip", "zip -r -P {} x.zip d",
            "smbclient //h/s -U me%{}", "lftp -u me,{} h.example", "openssl rsa -passin pass:{} -in a.pem",
            "sqlplus scott/{}@db", "sqlcmd -S h -U me -P {}", "xfreerdp /u:me /p:{} /v:h", "echo {} | sudo -S ls",
            "echo me:{} | chpasswd", "SMTP_PASS={} ./send", "REDIS_AUTH: {}", "VPN_PIN={}9",
            "twine upload -u me -p {} d/*")


CAPITALS = string.digits + string.ascii_uppercase
OF_SERVICES = (
    ("aio_{}", ALL, 28), ("p8e-{}", LOW, 32), ("LTAI{}", ALL, 20), ("patAbCd1234EfGh56.{}", HEX, 64),
    ("CLOJARS_{}", LOW, 60), ("CFPAT-{}", ALL, 43), ("dp.pt.{}", ALL, 43), ("sl.{}", ALL, 64),
    ("duffel_test_{}", ALL, 43), ("dt0c01.ABCDEFGHIJKLMNOPQRSTUVWX.{}", CAPITALS, 64), ("EZAK{}", ALL, 54),
    ("EAACEdEose0cBA{}", ALL, 60), ("FLWSECK_TEST-{}-X", HEX, 32), ("fio-u-{}", ALL, 64), ("HRKU-{}", ALL, 36),
    ("pat-na1-{}", HEX, 36), ("ico-{}", ALL, 32), ("sdk-{}", HEX, 36), ("live_pub_{}", HEX, 31), ("nfp_{}", ALL, 36),
    ("API-{}", CAPITALS, 26), ("00{}", ALL, 40), ("sha256~{}", ALL, 43), ("pplx-{}", ALL, 48),
    ("access-sandbox-{}", HEX, 36), ("pscale_tkn_{}", ALL, 43), ("pnu_{}", LOW, 36), ("rdme_{}", LOW, 70),
    ("tk-us-{}", ALL, 48), ("xkeysib-{}-AbCdEf12", HEX, 64), ("shippo_live_{}", HEX, 40), ("squ_{}", HEX, 40),
    ("sgp_{}", HEX, 40), ("tfp_{}_x", ALL, 44), ("AQVN{}", ALL, 36), ("t1.{}.x", ALL, 86), ("fo1_{}", ALL, 43),
    ("sbp_{}", HEX, 40), ("lsv2_pt_{}_ab12cd34ef", HEX, 32), ("key={}", ALL, 24), ("PASSWORT: {}", ALL, 12),
    ("mot_de_passe={}", ALL, 12), ("contraseña: {}", ALL, 12), ("export TOK={}", ALL, 20),
    ("bearer_tok: {}", LOW, 20), ("auth-hash={}", HEX, 40), ("wget --http-passwd={}", ALL, 10),
    ("curl -H 'X-Vault: {}'", ALL, 26), ("ssh://me:{}@h", ALL, 10), ("Password for me is {}", ALL, 10),
    ("the pin is {}", string.digits, 6), ("net use x: \\\\h\\s /user:d\\me {}", ALL, 10),
    ("gpg --batch --passphrase {} x", ALL, 12), ("rsync --password-file=<(echo {})", ALL, 12),
    ("git clone https://oauth2:{}@h/x", ALL, 20), ("psql 'host=h user=me password={}'", ALL, 10),
    ("mc alias set m http://h AK {}", ALL, 40), ("vault login {}", ALL, 12),
    ("kubectl create secret generic s --from-literal=p={}", ALL, 12), ("pg_dump postgresql://me:{}@h/db", ALL, 12),
)
"""Forms of tokens and commands with what is drawn for them, of services and tongues as they came to mind."""


def drawn(letters, length, number):
    return "".join(random.Random(number).choices(letters, k=length))


@pytest.mark.parametrize("form", FORMS)
def test_a_form_hides_what_is_drawn_for_it(form):
    text, letters, length = FORMS[form]
    for number in range(DRAWN):
        secret = drawn(letters, length, number)
        assert secret not in redacted(text.format(secret)), text.format(secret)


@pytest.mark.parametrize("line", PROGRAMS)
def test_a_password_behind_the_option_of_a_program_is_hidden(line):
    text = line.format(SHORT)
    assert SHORT not in redacted(text) and HIDDEN in redacted(text) and redacted(redacted(text)) == redacted(text)


def test_of_words_without_any_context_most_that_were_drawn_are_hidden():
    for length, least in ((24, 75), (32, 80), (48, 85)):
        found = sum(HIDDEN in redacted(f"using {drawn(ALL, length, number)} now") for number in range(100))
        assert found >= least, (length, found)


def test_of_sixty_further_forms_nearly_all_are_hidden():
    """34 of them passed when they were first tried; those that are let through are bare words behind an odd prefix."""
    let_through = []
    for at, (form, letters, length) in enumerate(OF_SERVICES):
        words = [drawn(letters, length, 100 * at + number) for number in range(5)]
        shown = [word for word in words if word in redacted("said " + form.replace("{}", word) + " then")]
        let_through += [form] if len(shown) >= 3 else []
    assert len(OF_SERVICES) == 60 and len(let_through) <= 7, let_through


SUM = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
IDENTIFIERS = (
    "WriteInt32NoTagToArray", "XF86VidModeGetAllModeLines", "_ZN5torch8autograd14VariableHooks12set_dataERKNS_6TensorE",
    "_ZNKSt3tr14hashISbIwSt11char_traitsIwESaIwEEEclES6_", "C613H959N193O185S10", "Ca10P6O24H2Na2C12H22O11",
    "CrystalOrientationMatrix2Euler", "sm_80_xmma_gemm_f32f32_tf32f32_f32_tn_n_tilesize128x64x16",
    "Iop_Fixed32UToF32x2_RN",
    "GPU-9baca7f5-0f2f-01ac-6b05-8da14d6e9005", "0xc3a5c85c97cb3127ULL", "run0045_Lys10A_P43212_pos3_Det2",
    "py311h1ddb5d8_0", "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "dask-worker-space", "Eiger2X16M",
    f"sha256={'a3Bc9Dx7Yz1Q' * 3}abcdefg", "SHA256:uNiVztksCsDhcc0u9e8BrOxuaX3xL1", f"commit-{SUM[:40]}",
    f"build-{SUM}",
    f"cache_key={SUM[:32]}", f"cache key: {SUM}", f"key={SUM[:40]}", "sort_key=column_number_12345",
    "public_key: a1B2c3D4e5F6",
    "/data/aB3dE5fG7hJ9kL1mN3pQ5rS7/lysozyme.hkl", "out/aB3dE5fG7hJ9kL1mN3pQ5rS7.img",
    f"http://h.example/port.git@{SUM[:40]}", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "01:23:45:67:89:ab:cd:ef",
    "auth: required",
    "auth=none", "-p 8080:80", "docker run -p 8080:80 image", "mysql -P 3306 -h h", "zip -r out.zip data",
    "echo done | sudo tee x",
    "FIRST_PASS=0.5", "SECOND_PASS: done", "N_PASS=3", "pass:fail", "a pass: 12 of 13", "client-certificate: a.pem",
    "monkey=12", "hot_key", "turkey: 3", "keyword=abc", "the key-value store", "key-frame-12", "s.values", "b.shape",
    "eaaa", "cio",
    "-nopgm -noprogress", "-adc 40 -gain 1.0 -pix0_vector_mm -150 150 -100", "-mosaic_spread 0.5 -mosaic_domains 100",
    "-floatfile out/image_0001.bin", "ab" * 32, "0.12345678901234567890", "3.14159265358979311600e+00", "1" * 40,
    "progress 35% [#####     ] 00:12<00:22", "Thu Nov 25 17:46:09 2026", "x86_64-conda-linux-gnu-gcc-12.3.0",
)


@pytest.mark.parametrize("text", IDENTIFIERS)
def test_names_sums_and_lines_of_the_field_stay_whole(text):
    assert redacted(text) == text
    assert redacted(f"{'word ' * 2000}\nsaid {text}\nmore") == f"{'word ' * 2000}\nsaid {text}\nmore"


@pytest.mark.parametrize("kind", ["cases/*.yaml", "docs/*.md", "nbcompare/case/arguments/*.py"])
def test_what_is_published_in_this_repository_stays_whole(kind):
    paths = list(Path(__file__).resolve().parents[2].glob(kind))
    assert paths and [path.name for path in paths if redacted(path.read_text()) != path.read_text()] == []


def test_words_are_told_from_names():
    assert looks_drawn("aB3dE5fG7hJ9kL1mN3pQ5rS7") and not looks_drawn("CrystalOrientationMatrix22Euler34")


@pytest.mark.parametrize("mark", ["-us", "--pwd", "://", "basic:", "_pin", "x_key=", "mysql -p"])
def test_one_endless_line_of_an_engine_is_looked_at_in_windows(monkeypatch, mark):
    """A pattern may need the square of what it looks at: of 20 kB of some of these, half a minute."""
    lengths, look = [], redact._in_window
    monkeypatch.setattr(redact, "_in_window", lambda text: lengths.append(len(text)) or look(text))
    assert len(redacted(mark * (20_000 // len(mark)))) > 1000
    assert lengths and max(lengths) <= redact._WINDOW


@pytest.mark.parametrize("at", range(900, 1100, 20))
def test_a_secret_where_windows_meet_is_hidden(at):
    assert SHORT not in redacted("." * at + f" password={SHORT}xyz " + "." * 3000)
