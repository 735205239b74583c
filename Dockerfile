FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN make install PYTHON=python3
ENV PATH=/app/.venv/bin:$PATH BILLP_DATA_DIR=/data BILLP_RUNS_DIR=/runs
VOLUME ["/data", "/runs"]
ENTRYPOINT ["billp"]
CMD ["--help"]
