FROM python:3.11-slim-bookworm

RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/yongjin yongjin
WORKDIR /opt/yongjin

# The slow part first, from the files that seldom change: what scripts/setup makes on any machine.
COPY pyproject.toml requirements.lock README.md ./
COPY scripts/setup scripts/
# pg_dump and pg_restore are what `yongjin backup` and `restore` use on PostgreSQL.
RUN ./scripts/setup && apt-get -qq update && apt-get -qq install --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*

COPY ledger ledger
COPY api api
COPY templates templates

ENV PATH=/opt/yongjin/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp \
    YONGJIN_VAR=/var/lib/yongjin
USER yongjin
EXPOSE 8000
ENTRYPOINT ["yongjin"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
