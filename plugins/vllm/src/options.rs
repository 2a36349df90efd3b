//! The options of `vllm serve`, as vLLM 0.33.0 has them: read from `EngineArgs` in `vllm/engine/arg_utils.py` and
//! `FrontendArgs` in `vllm/entrypoints/common/cli_args.py` of the wheel on PyPI. What a value looks like follows from the
//! type of the field there. `--model` is the positional argument, and secrets (`--hf-token`, `--api-key`) are never words
//! of a command line.

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `--x`, or `--no-x`.
    Switch,
    /// `--x`, or nothing.
    Mark,
    /// One value.
    Value,
    /// One value or more.
    Words,
    /// An object or a list, as JSON.
    Json,
}

/// Options that are on or off.
#[rustfmt::skip]
const SWITCHES: &[&str] = &[
    "allow-credentials", "allow-deprecated-quantization", "async-scheduling", "cohere-is-reasoning-model",
    "cudagraph-metrics", "data-parallel-external-lb", "data-parallel-hybrid-lb", "dcp-q-replicate",
    "disable-cascade-attn", "disable-chunked-mm-input", "disable-custom-all-reduce", "disable-fastapi-docs",
    "disable-hybrid-kv-cache-manager", "disable-nccl-for-dp-synchronization", "disable-sliding-window",
    "disable-uvicorn-access-log", "enable-auto-tool-choice", "enable-batch-sharded-sampling",
    "enable-chunked-prefill", "enable-cumem-allocator", "enable-dbo", "enable-elastic-ep",
    "enable-ep-weight-filter", "enable-eplb", "enable-expert-parallel", "enable-fault-tolerance",
    "enable-flash-late-interaction", "enable-flashinfer-autotune", "enable-force-include-usage",
    "enable-hc-sp", "enable-layerwise-nvtx-tracing", "enable-log-deltas", "enable-log-outputs",
    "enable-log-requests", "enable-logging-iteration-details", "enable-lora",
    "enable-mamba-cache-stochastic-rounding", "enable-mamba-shared-prefix-checkpoint", "enable-mfu-metrics",
    "enable-mixed-moe-lora-format", "enable-mm-embeds", "enable-moe-shared-loras",
    "enable-nccl-comm-suspend", "enable-offline-docs", "enable-per-request-metrics",
    "enable-prefix-caching", "enable-prompt-embeds", "enable-prompt-tokens-details",
    "enable-request-id-headers", "enable-return-routed-experts", "enable-scale-out",
    "enable-server-load-tracking", "enable-shm-tensor-arena", "enable-sleep-mode", "enable-ssl-refresh",
    "enable-tokenizer-info-endpoint", "enable-tower-connector-lora", "enable-trace-replay", "enforce-eager",
    "exclude-tools-when-tool-choice-none", "fail-on-environ-validation", "fully-sharded-loras",
    "interleave-mm-strings", "jit-monitor-verbose", "kv-cache-metrics", "kv-sharing-fast-prefill",
    "language-model-only", "log-error-stack", "long-prefill-token-threshold-adaptive",
    "mm-device-do-normalize", "mm-encoder-only", "monokernel", "numa-bind", "ray-workers-use-nsight",
    "return-sampling-mask", "return-tokens-as-token-ids", "scheduler-reserve-full-isl", "skip-mm-profiling",
    "skip-tokenizer-init", "sleep-mode-offload-cudagraph", "specialize-active-lora", "swa-bounded-replay",
    "tokens-only", "trust-remote-code", "trust-request-chat-template", "trust-request-mm-kwargs",
    "use-fp64-gumbel", "use-replayssm", "use-tqdm-on-load",
];

/// Options that can only be turned on.
#[rustfmt::skip]
const MARKS: &[&str] = &[
    "aggregate-engine-logging", "data-parallel-multi-port-external-lb", "disable-log-stats", "grpc",
    "headless",
];

/// Options with one value.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "all2all-backend", "allowed-local-media-path", "anthropic-disabled-thinking-effort", "api-server-count",
    "attention-backend", "block-size", "chat-template", "chat-template-content-format", "code-revision",
    "cohere-format", "config-format", "convert", "cp-kv-cache-interleave-size",
    "cpu-distributed-timeout-seconds", "cpu-offload-gb", "data-parallel-address", "data-parallel-backend",
    "data-parallel-rank", "data-parallel-rpc-port", "data-parallel-size", "data-parallel-size-local",
    "data-parallel-start-rank", "data-parallel-supervisor-port", "dbo-decode-token-threshold",
    "dbo-prefill-token-threshold", "dcp-comm-backend", "dcp-kv-cache-interleave-size",
    "decode-context-parallel-size", "device-ids", "disable-access-log-for-endpoints",
    "distributed-executor-backend", "distributed-timeout-seconds", "download-dir",
    "dp-supervisor-probe-failure-threshold", "dp-supervisor-probe-interval-s",
    "dp-supervisor-probe-timeout-s", "dp-sync-interval", "dtype", "elastic-ep-max-dp-size",
    "expert-placement-strategy", "fingerprint-mode", "fingerprint-value", "gdn-prefill-backend",
    "generation-config", "gpu-memory-utilization", "grpc-port", "h11-max-header-count",
    "h11-max-incomplete-event-size", "hf-config-path", "host", "io-processor-plugin", "jit-monitor-mode",
    "kda-decode-backend", "kda-prefill-backend", "kv-cache-dtype", "kv-cache-memory-bytes",
    "kv-cache-metrics-sample", "kv-offloading-backend", "kv-offloading-size", "linear-backend",
    "load-format", "log-config-file", "log-level", "logprobs-mode", "long-prefill-token-threshold",
    "lora-dtype", "mamba-backend", "mamba-block-size", "mamba-cache-dtype", "mamba-cache-mode",
    "mamba-cache-philox-rounds", "mamba-ssm-cache-dtype", "mamba-ssu-algorithm", "master-addr",
    "master-port", "max-cpu-loras", "max-cudagraph-capture-size", "max-log-len", "max-logprobs",
    "max-lora-cls-labels", "max-lora-rank", "max-loras", "max-model-len", "max-num-active-seqs",
    "max-num-batched-tokens", "max-num-queued-reqs", "max-num-queued-tokens", "max-num-scheduled-tokens",
    "max-num-seqs", "max-parallel-loading-workers", "middleware", "mm-encoder-attn-backend",
    "mm-encoder-attn-dtype", "mm-encoder-fp8-scale-path", "mm-encoder-fp8-scale-save-margin",
    "mm-encoder-fp8-scale-save-path", "mm-encoder-tp-mode", "mm-hasher-algorithm", "mm-ipc-gpu-memory-gb",
    "mm-processor-cache-gb", "mm-processor-cache-type", "mm-processor-device",
    "mm-shm-cache-max-object-size-mb", "mm-tensor-ipc", "model-impl", "moe-backend", "nnodes", "node-rank",
    "num-gpu-blocks-override", "offload-backend", "offload-group-size", "offload-num-in-group",
    "offload-prefetch-step", "optimization-level", "otlp-traces-endpoint",
    "per-request-spec-decode-metrics", "performance-mode", "pipeline-parallel-size", "port",
    "prefill-context-parallel-size", "prefill-schedule-interval", "prefix-cache-retention-interval",
    "prefix-caching-hash-algo", "prefix-match-unit", "quantization", "reasoning-parser",
    "reasoning-parser-plugin", "renderer-num-workers", "replayssm-buffer-len", "response-role", "revision",
    "root-path", "runner", "safetensors-load-strategy", "safetensors-prefetch-block-size",
    "safetensors-prefetch-num-threads", "scheduler-cls", "scheduling-policy", "seed",
    "show-hidden-metrics-for-version", "shutdown-timeout", "sleep-mode-backend",
    "sparse-indexer-topk-backend", "spec-method", "spec-model", "spec-tokens", "sse-keep-alive-interval",
    "ssl-ca-certs", "ssl-cert-reqs", "ssl-certfile", "ssl-ciphers", "ssl-keyfile", "stream-interval",
    "tensor-parallel-size", "tokenizer", "tokenizer-mode", "tokenizer-revision", "tool-call-parser",
    "tool-parser-plugin", "tool-server", "tool-strict-level", "ubatch-size", "uds", "uvicorn-log-level",
    "video-pruning-method", "video-pruning-rate", "watermark", "worker-cls", "worker-extension-cls",
];

/// Options with one value or more.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "allowed-media-domains", "collect-detailed-traces", "cpu-offload-params", "cudagraph-capture-sizes",
    "ignore-patterns", "kv-cache-dtype-skip-layers", "logits-processors", "lora-modules",
    "lora-target-modules", "numa-bind-cpus", "numa-bind-nodes", "offload-params", "served-model-name",
    "sleep-preserve-parameter-names",
];

/// Options with an object or a list.
#[rustfmt::skip]
const JSON: &[&str] = &[
    "additional-config", "allowed-headers", "allowed-methods", "allowed-origins", "attention-config",
    "aux-output-config", "compilation-config", "custom-histogram-buckets", "default-chat-template-kwargs",
    "default-mm-loras", "diffusion-config", "ec-manager-config", "ec-transfer-config", "engram-config",
    "eplb-config", "fault-tolerance-config", "hf-overrides", "ir-op-priority", "kernel-config",
    "kv-events-config", "kv-transfer-config", "limit-mm-per-prompt", "logging-config", "media-io-kwargs",
    "mm-processor-kwargs", "model-class-overrides", "model-loader-extra-config",
    "override-generation-config", "pooler-config", "profiler-config", "pt-load-map-location",
    "quantization-config", "reasoning-config", "reasoning-effort-map", "speculative-config",
    "structured-outputs-config", "watchdog-config", "watermark-config", "weight-transfer-config",
];

/// Options that older versions had, and what to write instead.
const GONE: [(&str, &str); 13] = [
    ("task", "write `runner` (`generate`, `pooling`) and, for what it becomes, `convert`"),
    ("disable-log-requests", "requests are only logged with `enable_log_requests`: take it out"),
    ("swap-space", "the engine swaps no more: take it out"),
    ("use-v2-block-manager", "there is no other any more: take it out"),
    ("num-scheduler-steps", "use `async_scheduling`"),
    ("num-lookahead-slots", "use `speculative_config`"),
    ("speculative-model", "use `speculative_config`"),
    ("num-speculative-tokens", "use `speculative_config`"),
    ("guided-decoding-backend", "use `structured_outputs_config`"),
    ("enable-reasoning", "`reasoning_parser` alone turns it on: take it out"),
    ("override-pooler-config", "use `pooler_config`"),
    ("max-seq-len-to-capture", "use `max_cudagraph_capture_size`"),
    ("device", "the installed build decides: take it out"),
];

/// Returns what an option takes, if there is one of this name.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    let lists = [
        (SWITCHES, Kind::Switch),
        (MARKS, Kind::Mark),
        (VALUES, Kind::Value),
        (WORDS, Kind::Words),
        (JSON, Kind::Json),
    ];
    lists.into_iter().find(|(names, _)| names.contains(&name)).map(|(_, kind)| kind)
}

/// Returns what to do about an option that there is not.
pub(crate) fn advice(name: &str) -> String {
    if let Some((_, advice)) = GONE.iter().find(|(gone, _)| *gone == name) {
        return format!("vLLM has it no more; {advice}");
    }
    let all = [SWITCHES, MARKS, VALUES, WORDS, JSON].into_iter().flatten();
    let near = all
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= name.len().div_ceil(3));
    match near {
        Some((_, known)) => format!("did you mean `{}`?", known.replace('-', "_")),
        None => "`vllm serve --help=all` lists every option".to_owned(),
    }
}
