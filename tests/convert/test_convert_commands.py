"""Which commands are known to run for long, and which to end after a piece of work."""

import shlex

import pytest

from minisup.convert.command_kind import judge, shell_text

LONG = r"""
php-fpm -F
php-fpm --nodaemonize
/usr/sbin/php5-fpm -F
/usr/sbin/php5-fpm --nodaemonize --fpm-config /etc/php5/fpm/php-fpm.conf
/usr/sbin/php-fpm7.4 -F
/usr/sbin/php7.4-fpm -F
/usr/local/sbin/php-fpm --nodaemonize
php-fpm83 -F
docker-php-entrypoint php-fpm
/usr/sbin/nginx -g 'daemon off;'
nginx -g 'daemon off; error_log /dev/stderr info;'
/usr/sbin/apache2ctl -D FOREGROUND
apache2-foreground
/usr/sbin/httpd -DFOREGROUND
/bin/bash -c "source /etc/apache2/envvars && exec /usr/sbin/apache2 -DFOREGROUND"
lighttpd -D -f /etc/lighttpd/lighttpd.conf
caddy run --config /etc/caddy/Caddyfile
haproxy -W -db -f /etc/haproxy/haproxy.cfg
/usr/sbin/sshd -D -e
cron -f
/usr/sbin/crond -n
crond -f -l 8
/usr/sbin/rsyslogd -n
syslog-ng -F
/usr/sbin/named -g -u bind
/usr/sbin/dnsmasq -k
redis-server /etc/redis.conf --daemonize no
memcached -u memcache -m 64
/usr/bin/mysqld_safe
mariadbd --user=mysql
/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql
/usr/bin/mongod --config /etc/mongod.conf
beanstalkd -l 127.0.0.1
gearmand --port=4730
/usr/sbin/rabbitmq-server
java -Xmx512m -jar /app/app.jar
/opt/kafka/bin/kafka-server-start.sh config/server.properties
/opt/zookeeper/bin/zkServer.sh start-foreground
/opt/tomcat/bin/catalina.sh run
dotnet /app/Shop.dll
elasticsearch
/usr/sbin/vsftpd /etc/vsftpd.conf
/usr/sbin/postfix start-fg
dovecot -F
clamd --foreground
Xvfb :1 -screen 0 1280x800x24
x11vnc -display :1 -forever
websockify --web /usr/share/novnc 6080 localhost:5900
fluxbox
prometheus --config.file=/etc/prometheus.yml
grafana-server -homepath /usr/share/grafana
/usr/local/bin/node_exporter
mysqld_exporter --web.listen-address=:9104
celery -A shop worker -l info
celery -A shop beat -l info --pidfile=
celery -A shop flower --port=5555
/venv/bin/celery worker -A shop -Q mails
python -m celery -A shop worker
ddtrace-run celery -A shop worker -l info
newrelic-admin run-program celery -A shop worker
newrelic-admin run-program gunicorn shop.wsgi
opentelemetry-instrument celery -A shop worker
opentelemetry-instrument --traces_exporter otlp gunicorn shop.wsgi
poetry run celery -A shop worker
pipenv run gunicorn shop.wsgi
uv run uvicorn shop.main:app --host 0.0.0.0
conda run -n shop celery -A shop worker
dotenv -f .env run -- celery -A shop worker
doppler run -- gunicorn shop.wsgi
wait-for-it.sh db:5432 -- gunicorn shop.wsgi
dockerize -wait tcp://db:5432 -timeout 60s gunicorn shop.wsgi
su www-data -c "celery -A shop worker"
sudo -E -u shop celery -A shop worker
gosu app gunicorn shop.wsgi
gunicorn -b 0.0.0.0:8000 shop.wsgi
uwsgi --ini /etc/uwsgi.ini
hypercorn shop:app
daphne -b 0.0.0.0 shop.asgi:application
waitress-serve --call shop:create_app
python manage.py runserver 0.0.0.0:8000
python manage.py qcluster
python manage.py rqworker default
python manage.py process_tasks
python manage.py celery worker
python -u /app/worker.py
python /app/server.py
python3 bot.py
python -m http.server 8000
python app.py
python run.py --port 8080
flask run --host 0.0.0.0
streamlit run app.py
jupyter lab --ip=0.0.0.0
airflow webserver
airflow scheduler
airflow worker
airflow celery worker
airflow triggerer
superset run -p 8088
mlflow server --host 0.0.0.0
rq worker mails
rqscheduler
arq shop.worker.WorkerSettings
taskiq worker shop.broker:broker
taskiq scheduler shop.broker:scheduler
dramatiq shop.tasks
huey_consumer.py shop.huey
faust -A shop worker -l info
procrastinate --app=shop.app worker
prefect server start
odoo -c /etc/odoo.conf
php artisan queue:work --tries=3
php artisan queue:listen
php artisan horizon
php artisan schedule:work
php artisan reverb:start
php artisan octane:start --server=frankenphp
php artisan serve --host=0.0.0.0 --port=80
php artisan websockets:serve
php -S 0.0.0.0:80 -t public
php bin/console messenger:consume async
php bin/console enqueue:consume
php yii queue/listen --verbose=1
/usr/bin/php /var/www/html/bin/magento queue:consumers:start product_action_attribute.update
bin/magento queue:consumers:start async.operations.all --max-messages=10000
php /var/www/websocket-server.php
php /srv/worker.php
rr serve -c .rr.yaml
frankenphp run --config /etc/Caddyfile
node server.js
node /app/dist/main.js
node --max-old-space-size=512 index.js
/usr/bin/node /srv/app
npm start
npm run start:prod
npm run serve
yarn start
yarn --cwd /app worker:mail
pnpm run start
npx serve -s build
pm2-runtime start ecosystem.config.js
nodemon index.js
ts-node src/worker.ts
next start
n8n start
bundle exec sidekiq -C config/sidekiq.yml
bundle exec puma -C config/puma.rb
bundle exec rails server -b 0.0.0.0
bundle exec rake jobs:work
bundle exec rake resque:work
bundle exec clockwork clock.rb
bundle exec shoryuken -R
rails s -p 3000
mix phx.server
/app/bin/shop foreground
/usr/local/bin/shopd
/app/mail-worker
/app/server --listen :8080
/app/shop serve
/usr/local/bin/agent
consul agent -config-dir=/etc/consul.d
vault server -config=/etc/vault.hcl
minio server /data
traefik
cloudflared tunnel run
tail -F /var/log/app.log
sleep infinity
ssh -N -L 3306:db:3306 host
bash -c 'while true; do php x.php; sleep 5; done'
sh -c 'cd /srv && exec gunicorn shop.wsgi'
bash -lc 'python manage.py migrate && gunicorn shop.wsgi'
/usr/sbin/php-fpm8.3 --nodaemonize
nginx -g 'daemon off;'
/venv/bin/gunicorn app:app
python -m gunicorn app:app
python3 -m celery -A app worker
celery -A app beat
uvicorn app:app
php artisan queue:work sqs
php -d memory_limit=1G /srv/artisan horizon
php bin/console messenger:consume async --time-limit=3600
php bin/console messenger:consume async --limit=10
python manage.py runserver
bundle exec sidekiq
bundle exec rails server
env A=b nice -n 5 nginx
gosu www-data php-fpm
sh -c 'cd /srv && exec gunicorn app:app'
bash -c 'while true; do php x.php; sleep 1; done'
/bin/bash -lc 'exec php artisan horizon'
"""
SHORT = r"""
php artisan queue:work --once --tries=3
php artisan queue:work --stop-when-empty
php artisan queue:work --max-jobs=1
php bin/console messenger:consume async --limit=1
php bin/console messenger:consume async --limit 1
bin/magento queue:consumers:start x --max-messages=1
rq worker --burst
celery --version
odoo -u all --stop-after-init
sh -c 'php artisan queue:work --once'
php artisan queue:work --once
php bin/console messenger:consume async -l 1
"""
NOBODY_KNOWS = r"""
php artisan sqs:email --verbose
php artisan migrate --force
php artisan schedule:run
php artisan serve:something
php artisan config:cache
php artisan mail:send --host=db --port-range=x
php /srv/send.php
php /srv/cron/import.php
php yii queue/run
php bin/console cache:warmup
bin/magento cron:run
python job.py
python -m job
python manage.py migrate
python manage.py collectstatic --noinput
python /srv/main.py
airflow db upgrade
celery -A shop purge -f
celery -A shop inspect ping
flask db upgrade
node migrate.js
node scripts/send-mails.js
npm run build
npm run migrate
npm install
yarn build
bundle exec rake db:migrate
bundle exec rake mail:send
/usr/local/bin/run
/usr/local/bin/send
/usr/local/bin/reload
/opt/app/bin/shard
/usr/bin/find /tmp -delete
/opt/app/build
/opt/app/upload
/start.sh
/usr/local/bin/entrypoint.sh
bash /app/init.sh
sh -c 'php job.php'
sh -c 'chown -R www-data /srv'
chown -R www-data:www-data /var/www
cp -r /a /b
mysql --host=db --port=3306 -e 'select 1'
mysqldump --port=3306 shop
curl -F file=@x http://0.0.0.0:80/
aws sqs receive-message --queue-url x
worker-job
echo nginx
grep -F x /y
true
redis-cli ping
tail -n 5 x
sleep 10
dotnet ef database update
su www-data -c 'php job.php'
poetry install
uv sync
"""


def lines(text):
    return text.strip().splitlines()


@pytest.mark.parametrize("command", lines(LONG))
def test_known_to_run_for_long(command):
    assert judge(shlex.split(command)).kind == "service"


@pytest.mark.parametrize("command", lines(SHORT))
def test_known_to_end(command):
    assert judge(shlex.split(command)).kind == "job"


@pytest.mark.parametrize("command", lines(NOBODY_KNOWS))
def test_not_known(command):
    assert judge(shlex.split(command)).kind == ""


def test_the_signs_are_named():
    assert judge(["/app/thing", "--port", "80"]).why == "--port is a sign that it runs for long"
    assert judge(["/usr/local/bin/shopd"]).why == "the d at the end of shopd is a sign that it runs for long"
    assert judge(["node", "server.js"]).why == "node server.js is known to run for long"


def test_a_laravel_worker_asks_for_a_fresh_run_by_exit_code_12():
    assert judge(shlex.split("php artisan queue:work")).recycle == (12,)
    assert judge(shlex.split("php artisan horizon")).recycle == ()


def test_a_loop_is_told_apart():
    assert "shell loop" in judge(["sh", "-c", "while :; do x; done"]).why


@pytest.mark.parametrize(
    ("words", "text"),
    [(["sh", "-c", "x"], "x"), (["/bin/bash", "-ec", "x"], "x"), (["sh", "x"], None), ([], None), (["sh", "-c"], None)],
)
def test_what_a_shell_runs(words, text):
    assert shell_text(words) == text
