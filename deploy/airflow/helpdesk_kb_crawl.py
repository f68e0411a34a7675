"""Reads the help pages of a shop every night and loads what changed: Helpdesk's command line under Airflow 3.

Put this file into Airflow's folder of DAGs, and set these Airflow variables:

- `helpdesk_kb_urls`: the help pages, separated by spaces.
- `helpdesk_kb_articles`: the folder of articles that `helpdesk kb load` reads; crawled ones go into `crawled` below it.
- `helpdesk_program`: where `helpdesk` is installed (default: on the path).

The worker's environment holds Helpdesk's own settings, such as `DATABASE_URL`. A second run on the same day changes
nothing that did not change on the pages. Where a given page cannot be read, `crawl` fails and is tried again; what
could be read lies in the folder, and nothing is loaded until all could.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# Addresses and paths reach the shell as variables, never as part of a command.
ENVIRONMENT = {
    "URLS": "{{ var.value.helpdesk_kb_urls }}",
    "ARTICLES": "{{ var.value.helpdesk_kb_articles }}",
    "PROGRAM": "{{ var.value.get('helpdesk_program', 'helpdesk') }}",
    "REASON": "crawl of {{ ts }}",
}

with DAG(
    dag_id="helpdesk_kb_crawl",
    description="Help pages to articles, and articles to the knowledge base.",
    doc_md=__doc__,
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},
    tags=["helpdesk"],
):
    crawl = BashOperator(
        task_id="crawl",
        bash_command='set -f; exec "$PROGRAM" kb crawl $URLS --out "$ARTICLES/crawled"',
        env=ENVIRONMENT,
        append_env=True,
        do_xcom_push=False,
    )
    load = BashOperator(
        task_id="load",
        bash_command='exec "$PROGRAM" kb load "$ARTICLES" --reason "$REASON"',
        env=ENVIRONMENT,
        append_env=True,
        do_xcom_push=False,
    )
    crawl >> load
