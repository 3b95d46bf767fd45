# One image for every role; the CPU build. Research use only, not for diagnosis; trained on synthetic data.
FROM python:3.12-slim

ENV PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/ichor
COPY pyproject.toml constraints.txt README.md LICENSE CHANGELOG.md ./
COPY models models
COPY service service
RUN pip install -c constraints.txt ".[cpu]" && useradd --system --uid 10001 --home /var/lib/ichor --create-home ichor

USER ichor
WORKDIR /var/lib/ichor
ENV ICHOR__NODE__DATA_DIR=/var/lib/ichor/data
VOLUME /var/lib/ichor
EXPOSE 11112 8080
HEALTHCHECK --interval=15s --start-period=30s CMD ["ichor", "status"]
ENTRYPOINT ["ichor"]
CMD ["serve"]
