"""Which commands run for long: their names, the subcommands that do, and the words that are a sign of it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set: a long list of words is best read so."""
    return frozenset(text.split())


SERVERS: Final = words(
    """
    alertmanager apache2 apache2-foreground apachectl asterisk autossh beanstalkd cadvisor cassandra celerybeat
    celeryd centrifugo chrome chromium chromium-browser clockwork cloudflared collectd containerd coredns cron crond
    dagster-daemon dagster-webserver daphne datadog-agent dbus-daemon delayed_job dnsmasq dockerd dovecot dramatiq
    dropbear elasticsearch envoy etcd exim exim4 fail2ban-server faktory filebeat firefox flower fluent-bit fluentd
    fluxbox frankenphp gearmand ghost gitea google-chrome grafana-server granian gunicorn h2o haproxy hass
    http-server httpd huey_consumer huey_consumer.py hypercorn icecast2 jackd java json-server jupyterhub
    kafka-server-start.sh karafka keydb-server kibana kubelet lighttpd litestream live-server locust logstash loki
    luigid mailhog MailHog mailpit mariadbd mariadbd-safe meilisearch memcached metricbeat minio mongod mongos monit
    mosquitto mysqld mysqld_safe named nats-server newrelic-daemon newrelic-infra nfs-ganesha nginx ngrok nmbd
    node_exporter nodemon novnc_proxy nsqd nsqlookupd odoo odoo-bin ollama openbox openbox-session opendkim
    openresty openvpn passenger pgbouncer php-cgi php-fpm pm2-runtime postgres postmaster proftpd prometheus
    promtail pulseaudio puma pure-ftpd rabbitmq-server rackup rainbows redis-sentinel redis-server resque-pool
    rpcbind rqscheduler rr rspamd rsyslogd samba sanic scrapyd serve shoreman shoryuken sidekiq sidekiqswarm smbd
    snmpd soketi solid_queue solr spamd squid sshd startxfce4 statsd stunnel stunnel4 supercronic supervisord
    syncthing syslog-ng telegraf tensorboard thin tigervncserver tinyproxy tor traefik transmission-daemon tusd
    twistd typesense-server unbound unicorn unicorn_rails unit unitd uvicorn uwsgi valkey-server varnishd vector
    vncserver waitress-serve websockify x11vnc xfce4-session Xorg xrdp xrdp-sesman Xvfb Xvnc zabbix_agentd
    zookeeper-server-start.sh
    """
)
"""Commands that do nothing else."""

VERSIONED: Final = re.compile(r"(php[-0-9.]*-?fpm[-0-9.]*|(gunicorn|uwsgi|postgres|redis-server|uvicorn)[-0-9.]*)")
"""The same with a version in the name: php5-fpm, php-fpm8.3, php7.4-fpm."""

_SERVE: Final = "serve server start run dev worker"

RUNS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        name: words(subcommands)
        for name, subcommands in {
            "airflow": "webserver scheduler worker triggerer flower dag-processor api-server standalone kerberos",
            "bench": "serve worker schedule start",
            "cake": "worker runworker server",
            "celery": "worker beat flower events",
            "caddy": "run",
            "chroma": "run",
            "consul": "agent",
            "dagster": "dev",
            "directus": "start",
            "fastapi": "run dev",
            "faststream": "run",
            "faust": "worker",
            "flask": "run",
            "foreman": "start",
            "good_job": "start",
            "grafana": "server",
            "honcho": "start",
            "hugo": "server serve",
            "influxd": "run",
            "jupyter": "lab notebook server",
            "karafka": "server",
            "mix": "phx.server",
            "mlflow": "server ui",
            "n8n": "start worker webhook",
            "nest": "start",
            "next": "start dev",
            "nomad": "agent",
            "nuxt": "start dev",
            "postfix": "start-fg",
            "prefect": "server agent worker",
            "procrastinate": "worker",
            "rclone": "serve mount",
            "rq": "worker worker-pool scheduler",
            "sentry": "run",
            "strapi": "start develop",
            "streamlit": "run",
            "superset": "run worker",
            "taskiq": "worker scheduler",
            "vault": "server agent",
            "vllm": "serve",
            "zkServer.sh": "start-foreground",
            "catalina.sh": "run",
            "activemq": "console",
        }.items()
    }
)
"""Commands that run for long with one of these words behind them."""

WITH_ARGUMENTS: Final = words("arq saq streaq")
"""Commands that run for long with whatever stands behind them."""

CONSOLES: Final = words("artisan console manage.py django-admin rails rake yii spark magento cake craft typo3 occ")
CONSOLE_RUNS: Final = words(
    """
    queue:work queue:listen queue/listen horizon octane:start octane:frankenphp octane:roadrunner octane:swoole
    reverb:start schedule:work websockets:serve websocket:serve pulse:check pulse:work nightwatch:agent
    inertia:start-ssr serve short-schedule:run mqtt:subscribe messenger:consume messenger:consume-messages
    rabbitmq:consumer rabbitmq:multiple-consumer swarrot:consume server:start server:run gos:websocket:server
    queue:consumers:start runserver runserver_plus qcluster rqworker rqscheduler process_tasks runworker db_worker
    run_huey celery celeryd celerybeat daphne rundramatiq run_gunicorn runmodwsgi jobs:work solid_queue:start
    resque:work resque:scheduler sneakers:run environment-worker server s
    """
)
"""What the consoles of frameworks run for long."""

CONSOLE_SIGNS: Final = re.compile(
    r"[:/](listen|listener|serve|server|consume|consumer|subscribe|work|worker|daemon|watch)$"
)
"""A subcommand of a console that ends so."""

SCRIPT_RUNNERS: Final = words("npm yarn pnpm bun")
SCRIPTS: Final = re.compile(r"(start|serve|server|dev|develop|watch|worker|queue|bot|consumer)([:_-].*)?")
"""The scripts of a package.json that run for long."""

NODE: Final = words("node nodejs ts-node tsx deno bun")
"""What waits for events until it is told to end."""

CLIENTS: Final = words(
    """
    ab aws awk cat cp curl dig docker echo find ftp git grep host http kubectl logger ls mongo mongosh mysql mysqladmin
    mysqldump nc ncat ping pg_dump pg_isready pg_restore pip psql redis-cli rm rsync scp sed sftp siege ssh tar touch
    valkey-cli wget wrk xargs
    """
)
"""Commands whose options look like those of servers, and which are none."""

FOREGROUND: Final = words(
    """
    -F -D -DFOREGROUND --nodaemon --no-daemon --nodaemonize --no-daemonize -nodaemon --foreground -foreground foreground
    start-foreground --no-detach --no-fork --nofork -dontfork --no-background
    """
)
"""Words that keep a daemon in the foreground."""

SUBCOMMAND_SIGNS: Final = words("serve server listen daemon worker consumer scheduler runserver")
"""Words behind a command that is not known."""

LISTENS: Final = re.compile(
    r"--?(port|listen|listen-address|bind|bind-address|addr|http-port|http-addr)(=.*)?|.*\b0\.0\.0\.0\b.*|.*\[::\].*|:[0-9]{2,5}"
)
"""Words about where a server listens."""

DAEMON: Final = re.compile(r"[a-z][a-z0-9]*d")
NO_DAEMON: Final = re.compile(
    r".*(ed|add|append|ard|bind|build|chmod|cloud|cmd|command|end|expand|field|find|fold|forward|head|load|old|pwd"
    r"|passwd|read|record|send|thread|uuid|word|world)"
)
"""Names that end in d and say nothing by it."""

ROLES: Final = words(
    """
    agent bot broker consume consumer daemon exporter gateway listen listener proxy scheduler serve server subscriber
    watcher worker
    """
)
"""The last word of the name of a command or script that runs for long: `mail-worker`, `ws_server.py`."""

APPS: Final = words("app")
"""Scripts that frameworks of web servers are started by."""

ENDS: Final = words(
    """
    job jobs task tasks migrate migration seed send import export build sync once script cleanup clean generate backup
    report fetch test install setup init check update notify process
    """
)
"""Words in the name of a script that ends."""
