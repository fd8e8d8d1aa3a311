"""Text that goes into evidence or onto a screen, without the secrets in it.

What the tokens of well-known services look like stands in service_tokens.json, which is read when a text may hold one;
secrets that are told by what stands around them (in an address, a query, a header, beside a name, behind the option of
a program that takes a password) are found here, and words that were drawn and not written by opaque.py.
Everything that finds nothing gives the text back as it is: sums, commits, paths, versions and numbers stay whole.
A pattern is compiled when a text holds a word without which it finds nothing: every command loads this module.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from nbcompare.engine.processes import password_options
from nbcompare.engine.processes.opaque import MAY_BE_DRAWN, has_drawn, without_drawn
from nbcompare.engine.processes.service_tokens import MARKS_OF, patterns_of

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "[hidden]"

_NAMES = (r"token|secret|passw(?:or)?[dt]|kennwort|mot[_ -]?de[_ -]?passe|contrase[nñ]a|wachtwoord"
          r"|auth[_-]?(?:hash|code)"
          r"|(?<![a-z])tok(?![a-z])|(?<![a-z])psk(?![a-z])|passphrase|passwd|pwd|api[_-]?key|pre[_-]?shared[_-]?key|access[_-]?key|account[._-]?key|auth[_-]?key"
          r"|private[_-]?key|encryption[_-]?key|signing[_-]?key|shared[_-]?access[_-]?(?:key|signature)|credentials?"
          r"|x-amz-signature|x-goog-signature|authorization|jwt|cookie|session[_-]?(?:id|key)|connection[_-]?string")
_OTHER_THINGS = r"(?![_-]?(?:file|path|dir|name|len|length|count|type|size|s)\b)"
"""``token_file=...`` names a file, and ``tokens: 5`` counts them."""
_IN_QUERY = r"sig|signature|key|code|auth|pass|pw|st|user_?pass|hmac|ticket|sas|assertion|s"
_OTHER_KEYS = (r"(?:[a-z0-9]{1,20}[_.-]){0,4}(?:public|pub|cache|sort|primary|foreign|partition|host|object|hash"
               r"|lookup|group|unique|route|idempotency|dict|index)[_.-]key")
_SET = r"['\"]?\s{0,4}(?:=|:=|=>|:(?![/:]))\s{0,4}['\"]?"
"""Between the name of a setting and its value."""
_WORDS = r"[^|;\n]{0,200}?"
"""What may stand between a program and its option."""
_NO_WORD = password_options.NO_WORD
_VALUE = r"[^\s&;,'\"<>)\]}|]"

_PREFIXES = ("github_pat_", "npm_", "hf_", "sk-", "rk_live_", "rk_test_", "sk_live_", "sk_test_", "whsec_", "xapp-",
             "xoxe-",
             "xoxe.", "GOCSPX-", "ya29.", "dop_v1_", "doo_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "glsa_", "hvs.",
             "hvb.", "dckr_pat_", "sntrys_", "sntryu_", "lin_api_", "tskey-", "figd_", "ATATT3x", "ATBB", "rubygems_",
             "NRAK-", "PMAK-", "dapi", "pul-", "ntn_", "gsk_", "r8_", "glpat-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
             "gldt-", "glrt-", "glcbt-", "glc_", "sq0atp-", "xai-", "nvapi-", "ATATT3",
             "LTAI", "aio_", "AQVN", "EZAK", "EZTK", "CFPAT-", "CLOJARS_", "duffel_", "dt0c01.", "EAAC", "FLWSECK",
             "fio-u-", "pat-na1-", "pat-eu1-",
             "sdk-", "live_pub_", "access-sandbox-", "access-production-", "rdme_", "xkeysib-", "shippo_", "squ_",
             "tfp_", "wandb_v1_", "sqp_", "sgp_", "sbp_", "lsv2_", "pscale_", "pplx-", "nfp_", "HRKU-", "dp.pt.",
             "pypi-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxo-", "xoxs-")
_NAME_MARKS = ("token tok psk kennwort passe contrase wachtwoord "
               "auth secret passw passphrase pwd credential amz-signature goog-signature authorization jwt cookie "
               + " ".join(f"{first}{between}{second}" for between in ("", "_", "-") for first, second in (
                   ("api", "key"), ("shared", "key"), ("access", "key"), ("account", "key"), ("auth", "key"),
                   ("private", "key"),
                   ("encryption", "key"), ("signing", "key"), ("access", "signature"), ("session", "id"),
                   ("session", "key"), ("connection", "string"))))

_BLOCKS = (
    ("-----BEGIN ", r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)"),
    ("---- BEGIN ", r"(?s)---- BEGIN [A-Z0-9 ]*PRIVATE KEY ----.*?(?:---- END [A-Z0-9 ]*----|\Z)"),
    ("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]+"),
    ("PuTTY-User-Key-File-", r"(?s)PuTTY-User-Key-File-\d.*"),
)
"""Secrets of several lines: what they begin with, and the pattern; all of what it finds is one."""
_OWN = (
    # userinfo of an address; a plain short name alone (git@) is none. A password may hold a slash, a port may not
    ("://", r"(?<=://)(?:[^\s/@:'\"]{0,99}:(?!\d{1,5}/)[^\s@'\"]{1,200}|(?!(?-i:[a-z][a-z_-]{0,15})@)[^\s/@'\"]+)(?=@)"),
    ("command cmd", rf"(?:{_NAMES})[_-]?(?:command|cmd)[\s=:]{{1,3}}['\"]?(?:echo|printf)\s+['\"]?([^\s'\"]{{4,}})"),
    ("jdbc:", r"jdbc:oracle:[a-z]+:[^\s/]+/([^\s@]+)@"),
    ("-u --user --proxy-user", r"(?<![\w.+-])(?:-u|--user|--proxy-user)[ =]+(?!\d+:\d+(?!\S))[^\s:'\"]+:([^\s'\"]+)"),
    ("login", r"\blogin\s+\S+\s+password\s+(\S+)"), ("login", r"\blogin\s+(?=\S*\d)([\w-]{20,})\s+password\b"),
    ("@", r"(?<![\w/@.:-])[\w.+-]+:([^\s/@:'\"]{6,})@(?:[\w-]+(?:\.[\w-]+)+(?![\w:])|(?:tcp|udp|unix)\()"),
    # headers
    ("authorization", r"\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?"
                      r"(?:digest|aws4-[\w-]+|hawk|hmac|mac|oauth|signature)\s([^\n]{6,})"),
    ("basic bearer digest negotiate token apikey",
     r"\b(?:basic|bearer|digest|negotiate|token|apikey)[ :]{1,4}"
     r"(?=\S{0,99}(?:\d|=|(?-i:[a-z][A-Z])))([a-z0-9+/_.~=-]{8,})"),
    ("authorization", r"\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:[a-z]+\s+)?([^\s'\"]{6,})"),
    ("cookie", r"\b(?:set-)?cookie['\"]?\s*:\s*['\"]?([^\s'\"][^\n'\"]{4,})"),
    # a name that says so and its value: in a query, a setting, an option, JSON
    (_NAME_MARKS, rf"(?:{_NAMES}){_OTHER_THINGS}[\w.-]{{0,40}}['\"]?\s{{0,4}}(?:=|:=|=>|:(?![/:]))\s{{0,4}}['\"]?"
                  rf"(?!(?:{_NAMES})['\"]?[:=])({_VALUE}{{4,}})"),
    (_NAME_MARKS,
     rf"(?<![\w-])--?[\w-]{{0,40}}?(?:{_NAMES}){_OTHER_THINGS}[\w-]{{0,40}}['\"]?[\s,]{{1,4}}"
                  rf"['\"]?([^\s'\"-]{_VALUE}{{3,}})"),
    ("=", rf"(?<=[?&;])(?:{_IN_QUERY})=({_VALUE}{{6,}})"),
    # any other kind of key, with a value that no word is; and shorter names that say it in a setting
    ("key", rf"(?<![a-z])(?!{_OTHER_KEYS})(?:[a-z0-9]{{1,20}}[_.-]){{1,4}}key(?:[_-](?:data|value|b64|base64|pem))?"
            rf"{_SET}(?=[\w+/=.-]{{0,99}}\d)(?=[\w+/=.-]{{0,99}}[a-z])(?!sha\d|(?:[a-f0-9]{{40}}|[a-f0-9]{{64}})\b)"
            r"([\w+=-][\w+/=.-]{11,})"),
    ("key-", r"(?<![\w-])key-([a-f0-9]{32})(?![\w-])"),
    ("auth", rf"(?<![a-z-])(?:_auth|identity_?auth|auth){_SET}(?=\S{{0,99}}(?:\d|=|(?-i:[a-z][A-Z])))([\w+/=]{{8,}})"),
    ("_pass _pw _pin _auth _cred _dsn _pat",
     r"(?<![\w-])(?-i:(?:[A-Z0-9]+_){1,5}(?:PASS|PW|PIN|AUTH|CREDS?|DSN|PAT))\s?[=:]\s?['\"]?(?=\S{0,99}(?:\d|(?-i:[a-z][A-Z])))(?=\S{0,99}[^\s\d.])"
     r"([^\s/'\"][^\s'\"]{3,})"),
    # programs that take a password by an option or as a word
    ("mysql mariadb 7z sshpass",
     rf"\b(?-i:(?:mysql|mariadb)[\w-]{{0,20}}{_WORDS}\s-p|7z[ar]?\s{_WORDS}-p|sshpass\s{{1,4}}-p\s?)([^\s=]\S*)"),
    ("login upload copy mongo cqlsh influx sqlcmd bcp isql freerdp rdesktop",
     r"\b(?-i:(?:(?:docker|podman|oc|registry|az|buildah|skopeo|oras|twine|nerdctl)\s(?:login|upload|copy)"
     rf"|mongo\w{{0,20}}|cqlsh|influx|sqlcmd|bcp|isql|xfreerdp|rdesktop)\b{_WORDS}"
     r"\s(?:-[pP][ =]?|/p:))(?!\d+\b)([^\s=-]\S*)"),
    ("redis-cli ldap ipmitool zip",
     rf"\b(?-i:redis-cli\s{_WORDS}-a|ldap\w{{1,20}}\s{_WORDS}-w|ipmitool\s{_WORDS}-P|(?:un)?zip\s{_WORDS}-P)\s([^\s-]\S*)"),
    ("smbclient lftp", rf"\b(?:smbclient|lftp)\s{_WORDS}-u\s?[^\s%,]{{1,60}}[%,](\S+)"),
    ("pass:", r"(?<![\w-])-?-(?:pass(?:in|out|word)?|k)[\s,'\"]{1,4}pass:([^\s'\"]+)"),
    ("--from-literal", r"--from-literal[= ][\w.-]{1,60}=(\S+)"), ("vault", r"\bvault\s+login\s+([^\s=-]\S{7,})"),
    ("/user:", r"\bnet\s+use\s[^\n]{0,200}?/user:\S{1,99}\s+([^\s/]\S*)"),
    ("pass pin pwd",
     r"\b(?:passw(?:or)?d|passcode|pin|pwd)\b[^.:=\n]{0,40}?\bis:?\s+['\"]?(?=\S{0,40}\d)([^\s'\"]{4,})"),
    ("sqlplus expdp impdp", r"\b(?:sqlplus|expdp|impdp)\s(?:-\w{1,20}\s){0,4}[\w$#]{1,60}/([^\s@/]+)"),
    ("chpasswd sudo",
     r"\becho\s(?:-n\s)?['\"]?(?:[\w.-]{1,60}:)?([^\s'\"|]{1,200})['\"]?\s?\|\s?(?:chpasswd|sudo\s-S)"),
    ("rabbitmqctl htpasswd wpa_passphrase rclone wandb useradd usermod",
     r"\b(?-i:rabbitmqctl\s(?:add_user|change_password|authenticate_user)\s+\S+|htpasswd\s-\w*b\w*\s(?:-\S+\s)*\S+\s+\S+"
     r"|wpa_passphrase\s+\S+|rclone\s+obscure|wandb\s+login(?:\s+--\S+)*|user(?:add|mod)\s[^|;\n]{0,200}?-p)\s+([^\s=-]\S*)"),
    ("net user", r"\bnet\s+user\s+\S+\s+([^\s/*]\S{3,})"),
    ("openssl", r"\bopenssl\s[^|;\n]{0,200}?\s-k\s+([^\s-]\S*)"),
    ("ldap", rf"\b(?-i:ldap\w{{1,20}}\s{_WORDS}\s-w)([^\s=-]\S+)"),
    ("alias set host add", r"\b(?-i:mc\s(?:alias\sset|config\shost\sadd)\s+\S+\s+\S+\s+\S+)\s+(\S{6,})"),
    (_NAME_MARKS, rf"\b(?:set|put|configure|config)\s+[\w.:/-]{{0,99}}?(?:{_NAMES}){_OTHER_THINGS}[\w.-]{{0,40}}\s+"
                  rf"(?!=)({_VALUE}{{4,}})"),
    ("pass", r"(?<![\w-])--?[\w-]{0,30}pass(?:wd|phrase)?[\s=]{1,3}['\"]?(?:echo\s+)?"
     r"(?!pass:|<\(|\d+\b)([^\s'\"=-][^\s'\"]{3,})"),
    ("pass pwd", rf"(?<=[?&;,])(?:pass|pwd|passwd|password)=({_VALUE}{{4,}})"),
    ("-a --auth", r"(?<![\w.+-])(?:-a|--auth)[ =]+[^\s:'\"/]{1,60}:(?!/)(?=\S*[a-z])([^\s'\"]{6,})"),
    (":pserver: :ext:", r":(?:pserver|ext):[^\s:@]{1,60}:([^\s@]+)@"),
    ("_session", r"(?-i:(?:[A-Z0-9]+_){1,4}SESSION(?:_\w{1,30})?)\s?=\s?['\"]?([\w+/-]{20,}={0,2})"),
    ("unlock signin http-basic.", r"(?:\bunlock\s+|\bsignin\s+(?:\S+\s+){0,3}|\bhttp-basic\.\S+\s+\S+\s+)"
     rf"{_NO_WORD}([^\s-]\S{{7,}})(?=\s*$)"),
    ("<(echo <(printf", r"<\(\s?(?:echo|printf)\s+(?:-n\s+)?['\"]?([^\s'\")]{4,})"),
    ("echo printf", rf"\b(?:echo|printf)\s+(?:-n\s+)?['\"]?({_NO_WORD}[^\s'\"|]{{6,200}})['\"]?"
     r"\s?\|\s?(?:cryptsetup|veracrypt|gpg|openssl|su|kinit|passwd|smbpasswd|vncpasswd)\b"),
    ("veracrypt", rf"\bveracrypt\s{_WORDS}-p[ =]?([^\s=-]\S*)"),
    ("-u --user", r"(?<![\w-])(?:-u|--user(?:name)?)[ =]+[^\s-]\S*\s+(?:\S+\s+){0,3}?"
     r"-p[ =]?(?=\S*[a-z])([^\s=-]\S{5,})"),
    ("passw", rf"passw(?:or)?d\s+{_NO_WORD}([^\s:='\"]{{6,}})(?=\s|$)"),
    # what is piped or sent to a program that reads a password
    ("stdin passphrase-fd with-token",
     r"\b(?:echo|printf)\s(?:-n\s|%s\s)?['\"]?([^\s'\"|]{4,200})['\"]?\s?\|[^\n]{0,200}?"
     r"(?:stdin|--passphrase-fd|--with-token)"),
    ("<<<", rf"<<<\s?['\"]?{_NO_WORD}([^\s'\"|;]{{6,200}})"),
    ("-p", r"(?<![\w-])-p[ =]?(?=[A-Za-z]*\d)(?=\w*(?-i:[a-z]))(?=\w*(?-i:[A-Z]))([A-Za-z0-9]{10,})(?![\w./-])"),
    ("pass=", r"(?<![\w-])(?-i:PASS)=([^\s'\"]{4,})"),
    ("send", r"\bsend\s+(?:--\s+)?['\"]([^\s'\"\\]{6,200})\\[rn]"),
    # other ways to write a setting
    ("/p", r"(?<=\s)/p(?:ass(?:w(?:or)?d)?|wd)?:([^\s/]\S{3,})"),
    (".pass _pass -pass", rf"(?<=[._-])pass\s{{0,2}}[=:]\s{{0,2}}['\"]?(?=\S*(?:\d|(?-i:[a-z][A-Z])))"
     rf"(?=\S*[a-z])({_VALUE}{{6,}})"),
    (_NAME_MARKS, rf"<[\w:.-]{{0,40}}?(?:{_NAMES}){_OTHER_THINGS}[\w:.-]{{0,40}}>\s*([^<\s]{{4,}})"),
    (_NAME_MARKS, rf"(?:key|name)\s?=\s?['\"][^'\"]{{0,60}}?(?:{_NAMES}){_OTHER_THINGS}[^'\"]{{0,40}}['\"]\s+value\s?="
                  r"\s?['\"]([^'\"]{4,})"),
    (":*: :5432: :3306: :6432: :1433:", r"(?<!\S)[\w.*-]+:(?:\d{2,5}|\*):[\w*-]+:[\w*.-]+:(\S{4,})(?=\s|$)"),
    # addresses that are secrets themselves
    ("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/([^\s?'\"]+)"),
    ("webhook hooks ifttt hc-ping",
     r"(?:discord(?:app)?\.com/api/webhooks|outlook\.office(?:365)?\.com/webhook|\.webhook\.office\.com/webhookb2?"
     r"|hooks\.zapier\.com/hooks/catch|maker\.ifttt\.com/trigger/[^/\s]+/with/key|hc-ping\.com"
     r"|hooks\.airtable\.com/workflows)/([^\s?'\"]+)"),
    ("telegram", r"api\.telegram\.org/bot([^\s/'\"]+)"),
    ("hook", r"://[^\s/]{1,99}/(?:[^\s?]{0,200}/)?hooks?/([a-z0-9-]{20,})"),
    ("/t/", r"://[^\s/]{1,99}/(?:[^\s?]{0,200}/)?t/([a-z0-9-]{8,})(?=/|$|\s)"),
    # tokens that say by their first letters what they are, beyond those of service_tokens.json
    (" ".join(_PREFIXES), rf"\b(?-i:{'|'.join(map(re.escape, _PREFIXES))})(?=[\w.-]*\d)[\w.=-]{{14,}}"),
    ("aiza", r"\b(?-i:AIza[\w-]{35})"),
    ("akia asia abia acca", r"\b(?-i:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b"),
    (".atlasv1.", r"\b[a-z0-9]{8,}\.atlasv1\.[\w=-]{8,}"),
    ("eyj", r"\b(?-i:eyJ[\w-]{8,}\.{1,2}[\w-]{8,}(?:\.[\w-]*)*)"),
)
"""What one of the words before must be in a line for, and what hides its first group, or all where it has none."""
_MARKED = tuple((tuple(marks.lower().split()), f"(?i){pattern}") for marks, pattern in (*_OWN, *password_options.ROWS))

_WORDS_OF_SERVICES = tuple((name, tuple(words.lower().split())) for name, words in MARKS_OF.items())

_MARKS = tuple(sorted({"-----begin", "age-secret", "putty", "-us", "pw", "key", "pass",
                       *(mark for marks, _ in _MARKED for mark in marks if mark not in ("=", "-u")), "-u ", "-u=",
                       *(word.lower() for words in MARKS_OF.values() for word in words.split() if len(word) > 2)}))
"""A text in lower case without any of these, and without what _BARE looks for, holds nothing that is found here."""
_ALL_MARKS = tuple(dict.fromkeys((*_MARKS, *(mark for marks, _ in _MARKED for mark in marks))))
"""Each word that makes a text worth a look or a pattern worth a trial, once: many patterns have the same."""
_WORTH_A_LOOK = frozenset(_MARKS)
_BARE = (("AC", r"AC[a-z0-9]{32}"), ("SK", r"SK[a-z0-9]{32}"), (":", r":[\w-]{35}"),
         (".", r"\.[\w-]{6}\.[\w-]{27}"), ("gl", r"gl[a-z]{2,6}-"), ("gh", r"gh[pousr]_"),
         ("=", rf"[?&;](?i:{_IN_QUERY})="))
"""What has no such words, behind the letters that it cannot be without; and words that were drawn."""

_RUN = r"AKC|xox|[A-Za-z0-9]{20}|(?=[\w-]*\d)[\w-]{20}"
"""What every token of a service has: their patterns are read for no other text."""
_RUNS = r"[\w-]+"
_RUN_OF, _DRAWN_OF = 20, 16
"""How long a run such a token is at least in, but for those that begin so, and so is any drawn word that is hidden; and
what may be a drawn word."""
_LONGEST_NAME = 256
_LONG, _GROUP, _WINDOW = 4096, 128, 1024
"""Characters from which on a text is looked at line by line, lines that are passed over together, and characters that
are looked at together, of one line or of the lines of a shorter text."""

_OPAQUE = r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[A-Za-z0-9_+=-]{16,}"
_HARMLESS = (
    (r"(?:OMP|MKL|KMP|NB|NUMEXPR)_(?:NUM_)?THREADS|OMP_(?:DYNAMIC|NESTED|SCHEDULE|PROC_BIND|PLACES|STACKSIZE|WAIT_POLICY"
     r"|THREAD_LIMIT|DISPLAY_ENV|MAX_ACTIVE_LEVELS)|MKL_(?:DYNAMIC|CBWR|THREADING_LAYER|INTERFACE_LAYER|SERVICE_FORCE_INTEL"
     r"|ENABLE_INSTRUCTIONS|DEBUG_CPU_TYPE)|KMP_(?:BLOCKTIME|AFFINITY|SETTINGS|STACKSIZE|DUPLICATE_LIB_OK|INIT_AT_FORK)"
     r"|CUDA_(?:DEVICE_ORDER|LAUNCH_BLOCKING|CACHE_DISABLE|MODULE_LOADING)", r"[\w,:.(){}= -]{0,40}"),
    (r"CUDA_VISIBLE_DEVICES", r"[\d, -]{0,60}|(?:(?:GPU|MIG)-[0-9a-f-]{8,36},?){1,20}"),
    (r"CONDA_(?:DEFAULT_ENV|SHLVL|PROMPT_MODIFIER)", r"[\w.() /-]{0,60}"),
    (r"LANG|LC_\w{1,20}|TZ", r"[\w.@:/+-]{0,40}"),
    (r"HOME|VIRTUAL_ENV|CONDA_(?:PREFIX(?:_\d+)?|EXE|PYTHON_EXE)|CUDA_(?:HOME|PATH|ROOT)|NB_(?:C|PY)_BIN|PYTHONPATH",
     r"(?!.*//)[\w.+~@/: -]*"))
"""Variables by name, and the form in which their values are known to be harmless."""


def redacted(text: str) -> str:
    """The text with every secret in it replaced by ``HIDDEN``; one without a secret as it is. Names, paths and lines
    stand in a record many times, and are looked at once."""
    return _redacted_name(text) if len(text) < _LONGEST_NAME else _redacted(text)


@functools.lru_cache(maxsize=1 << 13)
def _redacted_name(text: str) -> str:
    return _redacted(text)


def _redacted(text: str) -> str:
    short = len(text) < _LONGEST_NAME
    if not short and not _worth_a_look(text):
        return text
    for beginning, pattern in _BLOCKS:
        if beginning in text:
            text = _compiled(pattern).sub(_hidden, text)
    if short:
        return _in_window(text)
    if len(text) < _LONG:
        return _redacted_log(text)
    lines = text.splitlines(keepends=True)
    return "".join(_redacted_lines(lines[at:at + _GROUP]) for at in range(0, len(lines), _GROUP))


def _redacted_log(text: str) -> str:
    """Whole lines, a window of them, are looked at together, and again from the middle of those to the middle of the
    next, so that a secret and its name that lie lines apart are seen as one. The logs of two runs have most of these
    groups in common."""
    groups = [""]
    for line in text.splitlines(keepends=True):
        if len(groups[-1]) >= _WINDOW:
            groups.append("")
        groups[-1] += line
    groups = [_redacted_group(group) for group in groups]
    if len(groups) == 1:
        return groups[0]
    middles = [max(len(group), _WINDOW) // 2 for group in groups]
    halves = [half for group, at in zip(groups, middles, strict=True) for half in (group[:at], group[at:])]
    across = [halves[0], *map("".join, zip(halves[1:-1:2], halves[2::2], strict=True)), halves[-1]]
    return "".join(map(_redacted_group, across))


@functools.lru_cache(maxsize=1 << 9)
def _redacted_group(text: str) -> str:
    return _in_window(text) if len(text) < 2 * _WINDOW else _redacted_line(text)


def _redacted_lines(lines: list[str]) -> str:
    whole = "".join(lines)
    if not _worth_a_look(whole):
        return whole
    return "".join(_redacted_name(line) if len(line) < _LONGEST_NAME else _redacted_line(line) for line in lines)


def _worth_a_look(text: str) -> bool:
    return any(map(text.lower().__contains__, _MARKS)) or _bare(text)


def _redacted_line(text: str) -> str:
    """A longer line is looked at in windows, and again in windows that begin in the middle of those: what patterns need
    goes with the square of the length, and an engine that prints one long line must not keep nb-compare for hours."""
    if len(text) <= _WINDOW:
        return _in_window(text)
    for first in (_WINDOW, _WINDOW // 2):
        ends = [*range(first, len(text), _WINDOW), len(text)]
        text = "".join(_in_window(text[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))
    return text


def _in_window(text: str) -> str:
    lines = list(map(_seen_in, text.split("\n")))
    here, bare = frozenset().union(*(line.marks for line in lines)), any(line.is_bare for line in lines)
    if not bare and here.isdisjoint(_WORTH_A_LOOK):
        return text
    before, low = text, text.lower()
    for at in sorted({at for mark in here for at in _rows_behind(mark)}):
        text = _compiled(_MARKED[at][1]).sub(_hidden, text)
    tokens = any(line.has_run for line in lines) if text == before else bool(_compiled(_RUN).search(text))
    for name, words in _WORDS_OF_SERVICES if tokens else ():
        if any(map(low.__contains__, words)) if words else bare:
            for found in patterns_of(name):
                text = found.sub(_hidden, text)
    return without_drawn(text, _hidden) if text != before or any(line.has_drawn for line in lines) else text


class _LineMarks(NamedTuple):
    """What of a line may be of a secret: marks, something without one, a run as in any token, a word that is drawn."""

    marks: frozenset[str]
    is_bare: bool
    has_run: bool
    has_drawn: bool


@functools.lru_cache(maxsize=1 << 12)
def _seen_in(line: str) -> _LineMarks:
    """None of it reaches over the end of a line; and the logs of two runs have most of their lines in common, but few
    windows of them."""
    low, longest = line.lower(), max(map(len, _compiled(_RUNS).findall(line)), default=0)
    return _LineMarks(frozenset(filter(low.__contains__, _ALL_MARKS)), _bare(line, longest),
                      bool(_compiled(_RUN).search(line)), longest >= _RUN_OF and has_drawn(line))


@functools.cache
def _rows_behind(mark: str) -> tuple[int, ...]:
    """Which of the patterns are worth a trial where this word is, by their place."""
    return tuple(at for at, (marks, _) in enumerate(_MARKED) if mark in marks)


def _bare(text: str, longest: int = _DRAWN_OF) -> bool:
    """Whether something is there that has no mark; ``longest`` is its longest run, where that is known."""
    return any(letters in text and _compiled(pattern).search(text) for letters, pattern in _BARE) or (
        longest >= _DRAWN_OF and bool(_compiled(MAY_BE_DRAWN).search(text)))


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first needs it: all of them together take as long as click does to load."""
    return re.compile(pattern)


def _hidden(found: re.Match[str]) -> str:
    group = found.lastindex or 0
    secret, at = found[group], found.start(group) - found.start()
    if HIDDEN[:-1] in secret:
        return found[0]
    return found[0][:at] + HIDDEN + found[0][at + len(secret):]


def redacted_value(name: str, value: str) -> str:
    """The value of a variable as it may stand in evidence: whole where the name is known and the value has its harmless
    form; else without secrets, and without any run of letters and digits that might be one."""
    if any(_compiled(known).fullmatch(name) and _compiled(form).fullmatch(value) for known, form in _HARMLESS):
        return value
    return _compiled(_OPAQUE).sub(HIDDEN, redacted(value))


def secrets_among(words: Iterable[str]) -> Iterator[str]:
    """Of the words of a command those that hold a secret, or are the value of an option that names one; redacted."""
    before = ""
    for word in words:
        shown = redacted(word)
        pair = f"{before} {word}"
        if shown != word:
            yield shown
        elif before.startswith("-") and redacted(pair) != pair:
            yield redacted(pair)
        before = word


# --- files ---------------------------------------------------------------------------------------------------

_PIECE, _LONGEST = 1 << 20, 1 << 14


def redact_file(path: Path, *, text_only: bool = False) -> bool:
    """Hide the secrets in a file, in place; whether there were any. ``text_only`` leaves files with zero bytes alone.

    It is read in pieces that end with a line and hold whole private keys.
    """
    with open(path, "rb") as stream:
        if text_only and b"\0" in stream.read(8192):
            return False
        stream.seek(0)
        if all(redacted(text) == text for text in _pieces(stream)):
            return False
        stream.seek(0)
        draft = path.with_name(f"{path.name[:200]}.redacted")
        with open(draft, "xb") as clean:
            clean.writelines(redacted(text).encode("latin-1") for text in _pieces(stream))
    draft.replace(path)
    return True


def _pieces(stream: BinaryIO) -> Iterator[str]:
    while piece := stream.read(_PIECE):
        piece += stream.readline(_LONGEST)
        for _ in range(8):
            if piece.rfind(b"-----BEGIN ") <= piece.rfind(b"-----END "):
                break
            piece += stream.read(_LONGEST) + stream.readline(_LONGEST)
        yield piece.decode("latin-1")
