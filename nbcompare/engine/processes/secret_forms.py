"""Secrets that are told by what stands around them: in an address, a query, a header, beside a name, behind the option
of a program that takes a password; and those that fill several lines.

Patterns are kept as text: redact.py compiles one when a text holds a word without which it finds nothing.
"""

from __future__ import annotations

import re

from nbcompare.engine.processes.password_options import NO_WORD, WORDS

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

BLOCKS = (
    ("-----BEGIN ", r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)"),
    ("---- BEGIN ", r"(?s)---- BEGIN [A-Z0-9 ]*PRIVATE KEY ----.*?(?:---- END [A-Z0-9 ]*----|\Z)"),
    ("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]+"),
    ("PuTTY-User-Key-File-", r"(?s)PuTTY-User-Key-File-\d.*"),
)
"""Secrets of several lines: what they begin with, and the pattern; all of what it finds is one."""
ROWS = (
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
     rf"\b(?-i:(?:mysql|mariadb)[\w-]{{0,20}}{WORDS}\s-p|7z[ar]?\s{WORDS}-p|sshpass\s{{1,4}}-p\s?)([^\s=]\S*)"),
    ("login upload copy mongo cqlsh influx sqlcmd bcp isql freerdp rdesktop",
     r"\b(?-i:(?:(?:docker|podman|oc|registry|az|buildah|skopeo|oras|twine|nerdctl)\s(?:login|upload|copy)"
     rf"|mongo\w{{0,20}}|cqlsh|influx|sqlcmd|bcp|isql|xfreerdp|rdesktop)\b{WORDS}"
     r"\s(?:-[pP][ =]?|/p:))(?!\d+\b)([^\s=-]\S*)"),
    ("redis-cli ldap ipmitool zip",
     rf"\b(?-i:redis-cli\s{WORDS}-a|ldap\w{{1,20}}\s{WORDS}-w|ipmitool\s{WORDS}-P|(?:un)?zip\s{WORDS}-P)\s([^\s-]\S*)"),
    ("smbclient lftp", rf"\b(?:smbclient|lftp)\s{WORDS}-u\s?[^\s%,]{{1,60}}[%,](\S+)"),
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
    ("ldap", rf"\b(?-i:ldap\w{{1,20}}\s{WORDS}\s-w)([^\s=-]\S+)"),
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
     rf"{NO_WORD}([^\s-]\S{{7,}})(?=\s*$)"),
    ("<(echo <(printf", r"<\(\s?(?:echo|printf)\s+(?:-n\s+)?['\"]?([^\s'\")]{4,})"),
    ("echo printf", rf"\b(?:echo|printf)\s+(?:-n\s+)?['\"]?({NO_WORD}[^\s'\"|]{{6,200}})['\"]?"
     r"\s?\|\s?(?:cryptsetup|veracrypt|gpg|openssl|su|kinit|passwd|smbpasswd|vncpasswd)\b"),
    ("veracrypt", rf"\bveracrypt\s{WORDS}-p[ =]?([^\s=-]\S*)"),
    ("-u --user", r"(?<![\w-])(?:-u|--user(?:name)?)[ =]+[^\s-]\S*\s+(?:\S+\s+){0,3}?"
     r"-p[ =]?(?=\S*[a-z])([^\s=-]\S{5,})"),
    ("passw", rf"passw(?:or)?d\s+{NO_WORD}([^\s:='\"]{{6,}})(?=\s|$)"),
    # what is piped or sent to a program that reads a password
    ("stdin passphrase-fd with-token",
     r"\b(?:echo|printf)\s(?:-n\s|%s\s)?['\"]?([^\s'\"|]{4,200})['\"]?\s?\|[^\n]{0,200}?"
     r"(?:stdin|--passphrase-fd|--with-token)"),
    ("<<<", rf"<<<\s?['\"]?{NO_WORD}([^\s'\"|;]{{6,200}})"),
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
"""What one of the words before must be in a line for, and the pattern of which the first group is hidden, or all
where it has none."""

BARE = (("AC", r"AC[a-z0-9]{32}"), ("SK", r"SK[a-z0-9]{32}"), (":", r":[\w-]{35}"),
         (".", r"\.[\w-]{6}\.[\w-]{27}"), ("gl", r"gl[a-z]{2,6}-"), ("gh", r"gh[pousr]_"),
         ("=", rf"[?&;](?i:{_IN_QUERY})="))
"""What has no such words, behind the letters that it cannot be without; and words that were drawn."""
