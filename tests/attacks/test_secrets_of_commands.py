"""Secrets in command lines, settings and addresses of programs, as they came to mind: mended for as kinds, and drawn
afresh to see how many of those that nobody thought of are let through."""

import random
import string

from nbcompare.engine.processes.redact import redacted

HEX, LOW, ALL = string.digits + "abcdef", string.digits + string.ascii_lowercase, string.digits + string.ascii_letters
CAPITALS, B64 = string.digits + string.ascii_uppercase, ALL + "+/"
MENDED = (
    ("curl -u me:{} https://h/x", ALL, 10), ("HTTPS_PROXY=http://me:{}@proxy:3128", ALL, 12),
    ("DATABASE_URL=mysql2://u:{}@db:3306/x", ALL, 12),
    ("AZURE_STORAGE_CONNECTION_STRING=Protocol=https;AccountName=x;AccountKey={}==;Suffix=c", B64, 86),
    ("https://x.blob.core.windows.net/c/b?sv=2020&se=2026&sr=b&sp=r&sig={}%3D", ALL, 43),
    ("https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/{}", ALL, 24),
    ("https://discord.com/api/webhooks/123456789012345678/{}", ALL, 68),
    ("https://outlook.office.com/webhook/ab-cd@ef/IncomingWebhook/{}/gh", HEX, 32),
    ("https://api.telegram.org/bot123456789:{}/sendMessage", ALL, 35),
    ("SENTRY_DSN=https://{}@o123.ingest.sentry.io/4", HEX, 32), ("X-Api-Key: {}", HEX, 32),
    ("Ocp-Apim-Subscription-Key: {}", HEX, 32), ("X-Auth-Token: {}", ALL, 32), ("Private-Token: {}", ALL, 20),
    ("X-Shopify-Access-Token: {}", HEX, 32), ("X-CSRF-Token: {}", ALL, 32), ("X-Amz-Security-Token={}", B64, 120),
    ("aws_secret_access_key = {}", B64, 40), ("AWS_SESSION_TOKEN={}", B64, 200),
    ("aws configure set aws_secret_access_key {}", B64, 40), ("redis://:{}@h:6379/0", ALL, 12),
    ("amqps://guest:{}@h/v", ALL, 12), ("ftp://me:{}@h/f", ALL, 8), ("sftp://me:{}@h:22", ALL, 9),
    ("mongodb+srv://me:{}@c.mongodb.net/db", ALL, 12),
    ("Server=tcp:h;Database=d;User ID=me;Password={};Encrypt=True", ALL, 14),
    ("jdbc:postgresql://h/db?user=me&password={}", ALL, 12), ("ldapsearch -D cn=admin -w{} -b dc=x", ALL, 10),
    ("smbclient -U me%{} //h/s", ALL, 10), ("rclone obscure {}", ALL, 14),
    ("restic -r x --password-command 'echo {}' backup", ALL, 12), ("BORG_PASSPHRASE={}", ALL, 14),
    ("RESTIC_PASSWORD={}", ALL, 14), ("ANSIBLE_VAULT_PASSWORD={}", ALL, 12), ("KUBECONFIG_TOKEN={}", ALL, 40),
    ("kubectl --token={} get pods", ALL, 40), ("helm registry login h -u me --password {}", ALL, 12),
    ("gh auth login --with-token <<< ghp_{}", ALL, 36),
    ("git -c http.extraheader='AUTHORIZATION: basic {}' fetch", B64, 40), ("GIT_ASKPASS_PASSWORD={}", ALL, 12),
    ("openssl enc -aes-256-cbc -k {} -in x", ALL, 12), ("openssl enc -aes-256-cbc -pass pass:{} -in x", ALL, 12),
    ("wpa_passphrase home {}", ALL, 10), ("psk={}", ALL, 12), ("sshpass -p{} ssh me@h", ALL, 10),
    ('expect -c \'send "{}\\r"\'', ALL, 10), ("echo '{}' | docker login --password-stdin", ALL, 14),
    ("cat <<< '{}' | gpg --passphrase-fd 0", ALL, 14), ("WANDB_API_KEY={}", HEX, 40), ("wandb login {}", HEX, 40),
    ("huggingface-cli login --token hf_{}", ALL, 34), ("COMET_API_KEY={}", ALL, 25),
    ("NEPTUNE_API_TOKEN={}==", B64, 100), ("GOOGLE_API_KEY=AIza{}", ALL, 35), ('"private_key_id": "{}"', HEX, 40),
    ('"client_secret": "GOCSPX-{}"', ALL, 28), ("refresh_token=1//0{}", ALL, 60),
    ("id_token: eyJhbGciOiJIUzI1NiJ9.{}.abcDEF123456", ALL, 80),
    ("snowsql -a acc -u me --private-key-passphrase {}", ALL, 12), ("SNOWSQL_PWD={}", ALL, 12),
    ("vault kv put secret/x password={}", ALL, 12), ("VAULT_TOKEN=hvs.{}", ALL, 90),
    ("consul kv get -token={} x", HEX, 36), ("CONSUL_HTTP_TOKEN={}", HEX, 36), ("NOMAD_TOKEN={}", HEX, 36),
    ("etcdctl --user root:{} get x", ALL, 12), ("influx -username me -password {}", ALL, 12),
    ("clickhouse-client --password {}", ALL, 12), ("clickhouse-client --user me --password={} -q 1", ALL, 12),
    ("psql 'postgresql://me:{}@h/db'", ALL, 12), ("PGPASSWORD={} psql", ALL, 10), ("MYSQL_PWD={} mysql", ALL, 10),
    ("h:5432:db:me:{}", ALL, 12), ("machine h login me password {}", ALL, 12),
    ("rabbitmqctl change_password me {}", ALL, 12), ("htpasswd -b f me {}", ALL, 10), ("useradd -p {} me", ALL, 12),
    ("net user me {} /add", ALL, 12), ("cmdkey /add:h /user:me /pass:{}", ALL, 12),
    ("az login --service-principal -u a -p {} --tenant t", ALL, 34),
    ("az storage blob list --account-key {}==", B64, 86),
    ("az storage blob list --sas-token '?sv=1&sig={}'", ALL, 43),
    ("gsutil -o Credentials:gs_secret_access_key={} ls", B64, 40), ("s3cmd --secret_key={} ls", B64, 40),
    ("mc alias set x http://h AKIA1234567890ABCDEF {}", B64, 40), ("B2_APPLICATION_KEY=K001{}", ALL, 27),
    ("CLOUDFLARE_API_TOKEN={}", ALL, 40), ("DIGITALOCEAN_ACCESS_TOKEN=dop_v1_{}", HEX, 64),
    ("HEROKU_API_KEY={}", HEX, 36), ("LINODE_CLI_TOKEN={}", HEX, 64), ("TWILIO_AUTH_TOKEN={}", HEX, 32),
    ("SENDGRID_API_KEY=SG.{}.abcdef", ALL, 22), ("mail.smtp.pass = {}", ALL, 12),
    ("spring.datasource.password={}", ALL, 12), ("<password>{}</password>", ALL, 12),
    ('<add key="ApiSecret" value="{}"/>', ALL, 24), ("--set auth.rootPassword={}", ALL, 12),
    ("basic_auth: {{username: me, password: {}}}", ALL, 12), ("keytool -storepass {} -list", ALL, 12),
    ("jarsigner -keypass {} x.jar a", ALL, 12), ("svn co --username me --password {} http://h", ALL, 12),
    ("cvs -d :pserver:me:{}@h:/r login", ALL, 10), ("wget --user=me --password={} http://h", ALL, 12),
    ("http -a me:{} GET h/x", ALL, 12), ("xh --auth me:{} h", ALL, 12),
    ("aria2c --http-user=me --http-passwd={} u", ALL, 12), ("axel -H 'Authorization: Bearer {}' u", ALL, 40),
    ("ncftpput -u me -p {} h / f", ALL, 12), ("mount -t cifs //h/s /m -o user=me,pass={}", ALL, 10),
    ("mount -t cifs //h/s /m -o username=me,password={}", ALL, 10),
    ("sshfs -o password_stdin me@h:/ /m <<< {}", ALL, 12),
    ("cryptsetup luksOpen /dev/x y --key-file=<(echo -n {})", ALL, 14),
    ("echo -n {} | cryptsetup luksFormat /dev/x -", ALL, 14), ("veracrypt -t -p {} v /m", ALL, 14),
    ("gocryptfs -extpass 'echo {}' c p", ALL, 14), ("age -d -i <(echo AGE-SECRET-KEY-1{}) f", CAPITALS, 58),
    ("pass insert -e x <<< {}", ALL, 14), ("bw unlock {}", ALL, 14),
    ("op signin h me@x A3-ABCDEF-ABCDEF {}", ALL, 14), ("BW_SESSION={}==", B64, 86), ("OP_SESSION_my={}", ALL, 43),
    ("lpass login me <<< {}", ALL, 14), ("doppler configure set token dp.st.dev.{}", ALL, 40),
    ("fly auth token {}", ALL, 43), ("FLY_API_TOKEN=fo1_{}", ALL, 43), ("vercel --token {}", ALL, 24),
    ("firebase deploy --token 1//0{}", ALL, 60), ("surge --token {}", HEX, 32),
    ("npm config set //r/:_authToken {}", HEX, 36), ("poetry config pypi-token.x {}", ALL, 40),
    ("pip install --index-url https://me:{}@h/simple x", ALL, 12), ("conda config --set anaconda_token {}", ALL, 30),
    ("jupyter lab --NotebookApp.token={}", HEX, 48), ("http://h:8888/?token={}", HEX, 48),
)
"""Of the first 100 of these 23 were let through when they were tried, of the last 40 20."""

AFRESH = (
    ("impala-shell -l -u me --ldap_password_cmd='echo {}'", ALL, 12),
    ("beeline -u jdbc:hive2://h -n me -p {}", ALL, 12),
    ("spark-submit --conf spark.hadoop.fs.s3a.secret.key={}", B64, 40),
    ("hdfs dfs -Dfs.azure.account.key.x={}==", B64, 86), ("mlflow --registry-password {}", ALL, 12),
    ("dvc remote modify x password {}", ALL, 12), ("dvc remote modify x secret_access_key {}", B64, 40),
    ("globus login --client-secret {}=", B64, 43), ("myproxy-logon -l me -S <<< '{}'", ALL, 12),
    ("kinit me <<< {}", ALL, 12), ("echo {} | kinit me", ALL, 12), ("condor_store_cred -p {}", ALL, 12),
    ("irods: iinit {}", ALL, 12), ("ssh-keygen -p -P {} -N x", ALL, 12), ("ssh-keygen -t rsa -N {} -f k", ALL, 12),
    ("pdfunite; qpdf --encrypt {} o 256 -- a b", ALL, 12), ("gs -sPDFPassword={} x.pdf", ALL, 12),
    ("unrar x -p{} a.rar", ALL, 12), ("zip -e -P {} a b", ALL, 12), ("steghide embed -p {} -cf a", ALL, 12),
    ("mailx -S smtp-auth-password={} x", ALL, 12), ("swaks --auth-user me --auth-password {}", ALL, 12),
    ("sendemail -xu me -xp {}", ALL, 12), ("msmtp: password {}", ALL, 12),
    ("imapsync --user1 me --password1 {}", ALL, 12), ("vncviewer -passwd {} h", ALL, 8),
    ("x11vnc -passwd {}", ALL, 8), ("freeradius: secret = {}", ALL, 12), ("snmpwalk -v3 -A {} -u me h", ALL, 12),
    ("snmpget -c {} h", ALL, 12), ("ipmitool -U me -P {} h", ALL, 12), ("racadm -u me -p {} getsysinfo", ALL, 12),
    ("sacctmgr -P pass={}", ALL, 12), ("LICENSE_KEY={}", CAPITALS, 25),
    ("SLACK_BOT_TOKEN=xoxb-123456789012-{}", ALL, 24), ("ZENODO_TOKEN={}", ALL, 60),
    ("curl 'https://zenodo.org/api?access_token={}'", ALL, 60), ("GITLAB_CI_TOKEN={}", ALL, 20),
    ("CI_JOB_TOKEN: glcbt-64_{}", ALL, 20), ("docker build --build-arg PASS={} .", ALL, 12),
)
"""Drawn when all of those were mended: 18 were let through, and 15 when the kinds were mended that they showed; none is
now."""

AGAIN = (
    ("pdftk in.pdf output o.pdf user_pw {}", ALL, 12), ("pdftotext -upw {} a.pdf", ALL, 12),
    ("tnftp -u ftp://me:{}@h/f", ALL, 12), ("mpack; mutt -e 'set imap_pass=\"{}\"'", ALL, 12),
    ("fetchmailrc: poll h user me pass {}", ALL, 12), ("sftp -o ProxyCommand='sshpass -e' -o Password {}", ALL, 12),
    ("tar c x | gpg -c --passphrase={}", ALL, 14), ("tshark -o wlan.key:wpa-pwd:{}", ALL, 12),
    ("aircrack: KEY FOUND! [ {} ]", ALL, 10), ("iwconfig wlan0 key s:{}", ALL, 13),
    ("openvpn --auth-user-pass <(printf 'me\\n{}\\n')", ALL, 12), ("openconnect --passwd-on-stdin <<< {} h", ALL, 12),
    ("vpnc: Xauth password {}", ALL, 12), ("IPSec secret {}", ALL, 16), ("radtest me {} h 0 testing123", ALL, 12),
    ("tacacs key = {}", ALL, 16), ("enable secret 5 {}", ALL, 20), ("snmp-server community {} RO", ALL, 12),
    ("ppp: chap secret \"{}\"", ALL, 12), ("sip: register => me:{}@h", ALL, 12),
    ("createuser me --pwprompt <<< {}", ALL, 12), ("CREATE USER me IDENTIFIED BY '{}'", ALL, 12),
    ("ALTER ROLE me WITH PASSWORD '{}'", ALL, 12), ("GRANT ALL ON x TO me IDENTIFIED BY \"{}\"", ALL, 12),
    ("mongosh -u me -p {} --authenticationDatabase admin", ALL, 12), ("rs.auth('me', '{}')", ALL, 12),
    ("redis> AUTH {}", ALL, 14), ("requirepass {}", ALL, 14), ("masterauth {}", ALL, 14),
    ("kafka: sasl.jaas.config=X required username=\"me\" password=\"{}\";", ALL, 12),
    ("h5cc; hsds --hs_password {}", ALL, 12), ("icat: login db username me password {}", ALL, 12),
    ("scicat-cli --user me:{} ingest", ALL, 12), ("ispyb: credentials me {} h", ALL, 12),
    ("tiled serve --api-key {}", HEX, 32), ("TILED_SINGLE_USER_API_KEY={}", HEX, 32),
    ("dask-scheduler --tls-key-password {}", ALL, 12), ("ray start --redis-password={}", ALL, 12),
    ("ssh-add <<< {}", ALL, 14), ("logged in with pass phrase {}", ALL, 14),
)
"""Drawn when all of those were mended: 21 were let through when they were tried; none is now."""

LATER = (
    ('Authorization: Digest username="me", realm="r", nonce="n", response="{}"', HEX, 32),
    ("Authorization: AWS4-HMAC-SHA256 Credential=AKIDX/2026, SignedHeaders=host, Signature={}", HEX, 64),
    ("machine github.com login {} password x-oauth-basic", HEX, 40), ("AUTH PLAIN {}=", B64, 27),
    ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{}\n---- END", B64, 64),
    ("<RSAKeyValue><D>{}</D></RSAKeyValue>", B64, 172), ('{{"kty":"oct","k":"{}"}}', ALL + "-_", 43),
    ("{}.atlasv1.abcdefghij", ALL, 14), ("PresharedKey = {}=", B64, 43), ("secret-tool: password: {}", ALL, 12),
    ("https://open.feishu.cn/open-apis/bot/v2/hook/{}-1111-4222-8333-444455556666", HEX, 8),
    ("wandb_v1_{}", ALL, 70), ("code_verifier={}", ALL + "-_", 43), ("assertion={}", ALL + "-_", 200),
    ("imap login me {}", ALL, 12), ('a001 LOGIN me "{}"', ALL, 12), ("AUTH default {}", ALL, 16),
    ("dsn=me:{}@tcp(h:3306)/db", ALL, 12), ("ansible_become_pass={}", ALL, 12), ("LDAP_BIND_PW={}", ALL, 12),
    ("identified by '{}'", ALL, 12), ("curl -b 'sid={}' u", ALL, 26), ("glcbt-64_{}", ALL + "-_", 20),
    ("X-JFrog-Art-Api: {}", ALL, 64), ("robot$me:{}", CAPITALS, 64), ("skopeo copy --src-creds me:{} a b", ALL, 12),
    ("podman --creds=me:{}", ALL, 12), ("_ga=1; PHPSESSID={}", LOW, 26), (".ASPXAUTH={}", CAPITALS, 64),
    ("JWE eyJlbmMiOiJBMjU2R0NNIn0..{}.a.b", ALL + "-_", 40),
)
"""Of 127 forms of clouds, headers, cookies, registries and keys 32 were let through; of 44 more, when those were
mended, 10. These are of them; none is now."""

HARMLESS_LINES = (
    "AUTH default", "login node001 slurm", "PASS tests/foo1.test.js", "-b html=_build/html", "login shell password",
    "https://h/hook/readme", "MAC=00:11:22", "compass: northEast", "dict k: value12", "<D>0.25</D>", "x.pass = 3",
    "-t 550e8400-e29b-41d4-a716-446655440000", "ssh-keygen -l -f key.pub", "snmp counters 12a of 40",
    "iinit failed", "codecov uploaded 3 files", "set key position top left",
    "edit file reflections2.hkl", "add option detpixels_x 256", "put frame_00012.cbf",
    "update metric correlation 0.9995",
    "the api key is missing", "auth token expired at 12:00", "secret key file not found", "pw=0.12", "pass=12/13",
    "passes=ok", "pass=3", "password change required", "user id 1000:1000", "-u 0:0 -v /data:/data", "--pinhole 12",
    "-pin 1", "spindle pin 18.5 mm", "adduser.conf", "create-user-guide.md", "authtoken.py line 12",
    "qpdf --version 11.9.0", "swift 5.10 (swiftlang-5.10.0.13)", "mosquitto 2.0.18 -P", "plink v1.90b7 -pw",
    "hydra -p 2 --multirun seed=1,2", "redis-server v=7.2.4 sha=00000000:0 malloc=jemalloc", "tsql vsql bcp",
    "nvcc -O3 -arch=sm_90 -o nb nb.cu", "cmake -DCMAKE_BUILD_TYPE=Release -S . -B build2x", "rsync -aP run12 host3:/d",
    "ffmpeg -i frames_%04d.png -pix_fmt yuv420p out.mp4", "h5ls -rv run_0012_master.h5/entry/data",
    "xds_par INTEGRATE CORRECT DELPHI= 5 NUMBER_OF_PROFILE_GRID_POINTS 13",
    "dials.import image_range=1,1800 a_####.cbf",
    "phenix.refine 1abc.pdb 1abc.mtz strategy=individual_sites", "pointless hklin XDS_ASCII.HKL hklout p1.mtz",
    "molecule C12H22O11 key residue Lys116 secret1n",
)


def let_through(forms):
    """The forms of which most drawn words, or two thirds of each, are shown."""
    found = []
    for form, letters, length in forms:
        draw = random.Random(form)
        words = ["".join(draw.choices(letters, k=length)) for _ in range(10)]
        shown = [word for word in words if word[:max(6, 2 * length // 3)] in redacted(form.replace("{}", word))]
        found += [form] if len(shown) > 3 else []
    return found


def test_every_form_that_was_mended_is_hidden():
    assert let_through(MENDED) == []


def test_forms_that_nobody_had_thought_of_are_hidden_once_they_have_been_drawn():
    assert len(AFRESH) == 40 and let_through(AFRESH) == []
    assert let_through(LATER) == []
    assert len(AGAIN) == 40 and let_through(AGAIN) == []


def test_a_secret_of_letters_alone_is_hidden_where_one_with_digits_is():
    """One in ten of twelve letters and digits has no digit: forms were seen to show it at times. Of letters alone
    what looks like a name of two words stays: one or two in a hundred."""
    shown = {}
    for form, letters, length in (*MENDED, *AFRESH, *AGAIN, *LATER):
        if letters == ALL and length >= 12:
            draw = random.Random(form)
            words = ["".join(draw.choices(string.ascii_letters, k=length)) for _ in range(20)]
            shown[form] = sum(word[:8] in redacted(form.replace("{}", word)) for word in words)
    assert len(shown) > 130 and sum(count > 10 for count in shown.values()) <= 1, shown


def test_both_passwords_of_one_command_are_hidden():
    assert redacted("snmpwalk -v3 -A authWren55 -X privWren66 h") == "snmpwalk -v3 -A [hidden] -X [hidden] h"


def test_words_of_commands_that_are_no_secrets_stay():
    for text in ("-p 8080:80", "-phi 0.5 -p 12", "set title Two1Words", "echo a1b2c3d4 | tee x", "passwords changed",
                 "/path:/p", "send 'hello'", "unlock the door", "-u 5 -p 3", "x <<< word", "--passes 3", "net user",
                 "the pass 3 of 4", "mc alias list", "compass=north", "http -a x", "-a 90:91", *HARMLESS_LINES):
        assert redacted(text) == text
