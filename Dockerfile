# The page and the command in one image: `docker run -p 8080:8080 IMAGE`, `docker run -i IMAGE audit - < spans.json`.
# It runs as nobody in particular, and with a read-only root: only /tmp is written to.

FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/auditor
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY auditor auditor
COPY rules rules
COPY templates templates
COPY samples samples
RUN /opt/auditor/bin/pip install --no-cache-dir -c constraints.txt . \
 && /opt/auditor/bin/pip uninstall --yes pip \
 && /opt/auditor/bin/auditor --version

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Attribution Gap Auditor" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin auditor
COPY --from=build /opt/auditor /opt/auditor
ENV PATH=/opt/auditor/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /tmp
VOLUME /tmp
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=3)"]
ENTRYPOINT ["auditor"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
