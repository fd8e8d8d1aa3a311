"""Options and words behind which a program takes a password, of programs for which the form of the option says nothing.

Each row is an option and the programs that mean a secret by it; what the same letters mean elsewhere is left alone.
"""

from __future__ import annotations

WORDS = r"[^|;\n]{0,200}?"
"""What may stand between a program and its option."""
_PASSWORD = r"(?!\d{1,5}\b)(?:['\"]?)([^\s'\"=/-][^\s'\"]{3,})"
NO_WORD = r"(?=[^\s'\"]*(?:\d|(?-i:[a-z][A-Z][A-Za-z]*[a-z][A-Z]|[a-z][A-Z]{2,}[a-z])))(?=[^\s'\"]*[a-z])"
"""A digit among letters, or capitals as in no name: twice behind a small letter, or several in the middle."""
_WITH_DIGIT = NO_WORD + _PASSWORD
_OF_TWO_KINDS = r"(?=[^\s'\"]*(?:\d|(?-i:[a-z][A-Z])))"

OPTIONS = (
    ("-A", "snmp"), ("-X", "snmp"), ("-c", "snmp onesixtyone"),
    ("-K", "swift"),
    ("-xp", "sendemail"),
    ("-N -P", "ssh-keygen"),
    ("-t", "codecov"),
    ("-p", "beeline unrar steghide racadm condor_store_cred ncftpput ncftpget tabcmd netexec crackmapexec evil-winrm"
           " cypher-shell hydra medusa mysqlsh"),
    ("-P", "mosquitto tsql bcp osql freebcp ipmipower fence_ipmilan"),
    ("-pw", "plink pscp psftp nodetool"),
    ("-w", "vsql ipa-getkeytab dsconf"),
    ("-hp", "rar"),
    ("-upw -opw", "pdf"),
    ("-a", "redis- keydb-cli valkey-"),
)
"""Options (with a blank or nothing behind them) and the programs that take a secret by them."""

POSITIONS = (
    ("iinit", r"\biinit\s+"),
    ("authtoken", r"\b(?:add-)?authtoken\s+"),
    ("--encrypt", r"\bqpdf\s[^|;\n]{0,200}?--(?:encrypt|decrypt)\s+"),
    ("smbpasswd", r"\bsmbpasswd\s(?:-\w+\s+)*\S+\s+"),
    ("set-password change-password chpass",
     r"\b(?:set|change|reset|ch)[-_]?pass(?:word|wd)?\s+(?:--?\w+\s+)*(?!to\b)\S+\s+"),
    ("radtest", r"\bradtest\s+\S+\s+"),
    ("requirepass masterauth", r"\b(?:requirepass|masterauth)\s+"), ("auth", r">\s?auth\s+(?:\w{1,20}\s+)?"),
    ("community", r"\bsnmp-server\s+community\s+"), ("credentials", r"\bcredentials\s+\w+\s+"),
    ("add_user adduser create-user",
     r"\b(?:add[_-]?user|create-user)\s+(?:--?\w+\s+)*[a-z][\w.@-]*\s+"),
)
"""Words behind which the next one is a secret, if it holds a letter and a digit."""


def _option_row(options: str, programs: str) -> tuple[str, str]:
    names = "|".join(name.replace("-", r"\-") for name in programs.split())
    letters = "|".join(option.replace("-", r"\-") for option in options.split())
    marks = options if len(options) > 2 and " " not in options else programs
    return marks, rf"\b(?-i:(?:{names})[\w-]{{0,20}}\s{WORDS}(?<=\s)(?:{letters}))[ =]?{_PASSWORD}"


ROWS = (
    *(_option_row(*row) for row in OPTIONS),
    *((marks, pattern + _WITH_DIGIT) for marks, pattern in POSITIONS),
    # a secret that is spoken of: API key x, the token is x
    ("key token secret", r"\b(?:api|access|secret|auth)[ _-](?:key|token)\s+(?:is\s+|was\s+)?['\"]?" + _WITH_DIGIT),
    # a name that says so with something of its own before the value: -Dfs.account.key.x=..., set secret_key ...
    ("account.key", r"\baccount\.key\.[\w.-]{1,99}=([^\s'\"]{8,})"),
    ("password secret access_key api_key auth_token sas_token passphrase",
     r"\b(?:set|modify|add|put|edit|update)\s+(?:--?\w+\s+)*[\w.:/-]{1,60}\s+"
     r"[\w.-]{0,40}(?:password|secret|access_key|api_key|auth_token|sas_token|passphrase)[\w.-]{0,20}\s+"
     r"(?!=)([^\s'\"-][^\s'\"]{3,})"),
    ("pass= pwd= pw=", r"(?<![\w-])(?:pass|pwd|pw)=" + NO_WORD + r"([^\s'\",;&]{6,})(?=[\s'\",;&]|$)"),
    # statements and settings in which a secret stands in quotes
    ("identified password secret",
     r"\b(?:identified\s+by|password|secret)\s+(['\"])(?=[^'\"\s]*(?:\d|(?-i:[a-z][A-Z])))(?=[^'\"\s]*[a-z])([^'\"\s]{6,})\1"),
    ("auth(", r"\bauth\(\s?['\"][^'\"]{1,60}['\"],\s?['\"]([^'\"]{4,})['\"]"),
    ("'pass' \"pass\" 'pw' \"pw\"", r"['\"](?:pass|pw)['\"]\s?:\s?['\"]([^'\"]{4,})"),
    ("pass phrase secret", r"\b(?:pass\s?phrase|secret)\s+(?:\d\s+)?(?:is\s+)?" + _WITH_DIGIT),
    ("user_pw owner_pw", r"\b(?:user|owner)_pw\s+" + _WITH_DIGIT),
    ("pass", r"\buser\s+\S+\s+pass\s+" + _WITH_DIGIT),
    ("tacacs radius", r"\b(?:tacacs|radius)[\w+-]{0,20}\s(?:\S+\s+){0,3}?key\s*[:=]?\s*(?:\d\s+)?" + _WITH_DIGIT),
    ("key found", r"\bkey found!\s*\[\s*([^\]\s]{4,})"), ("key s:", r"\bkey\s+s:([^\s'\"]{4,})"),
    ("sshpass=", r"\bsshpass=(\S{4,})"), ("session=", r"\bsession=(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])([\w+/-]{12,}={0,2})"),
    ("register =>", r"\bregister\s?=>\s?[^\s:]{1,60}:([^\s@]{4,})@"),
    ("auth-user-pass", r"\bauth-user-pass\s+<\(\s?(?:printf|echo)[^\n)]{0,60}?(?:\\n|\n)([^\s\\')]{4,})"),
    # keys that are written as their numbers: in XML, and as JSON Web Keys
    ("<d> <p> <q> <dp> <dq> <inverseq>", r"<(?-i:D|P|Q|DP|DQ|InverseQ)>\s*([\w+/=]{16,})"),
    ("kty", r"\"(?:k|d|p|q|dp|dq|qi)\"\s?:\s?\"([\w-]{16,})\""),
    # what stands for a password while one logs in
    ("verifier= assertion= samlresponse=", r"\b(?:code_verifier|(?:client_)?assertion|samlresponse)=([\w.%+/=-]{16,})"),
    ("login", r"(?:\b(?-i:LOGIN)|\bimap\s+login)\s+[\w.@-]+\s+['\"]?" + _OF_TWO_KINDS + r"([^\s'\"]{6,})"),
    ("auth", r"\b(?-i:AUTH)\s+default\s+(\S{4,})"),
    ("auth", r"\b(?-i:AUTH)\s+(?:plain|login|xoauth2)\s+([\w+/]{12,}={0,2})"),
    ("-b --cookie", r"(?<![\w-])(?:-b|--cookie)[ =]+['\"]?[\w.-]{1,40}=" + _OF_TWO_KINDS + r"([^\s'\"]{12,})"),
    ("sessid aspxauth", r"(?:sessid|aspxauth)=([\w%.-]{16,})"), ("art-api", r"\bart-api:\s?(\S{16,})"),
    ("creds", r"--?(?:src-|dest-)?creds[ =]+[^\s:]{1,60}:([^\s'\"]{4,})"), ("robot$", r"\brobot\$[\w.+-]+:(\S{16,})"),
    # digits that only a pin is made of
    ("--pin", r"(?<![\w-])--?(?:[\w-]{0,20}-)?pin(?:code)?[ =]+(\d{4,12})(?!\S)"),
)
