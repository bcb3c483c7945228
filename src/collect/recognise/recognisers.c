#include "collect/recognise/recognisers.h"

#include "base/attr.h"

/* Any of these lists, and its length. */
#define TEXTS(...)                                                                                 \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define PORTS(...)                                                                                 \
    (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t)
#define PATHS(...)                                                                                 \
    (const struct recognise_http[]){__VA_ARGS__},                                                  \
        sizeof((const struct recognise_http[]){__VA_ARGS__}) / sizeof(struct recognise_http)
#define NONE NULL, 0

const struct recogniser recognisers[] = {
    {"vllm", "vLLM", "requests, cache, time to first token",
     TEXTS("vllm serve", "vllm\\.entrypoints"), NONE, PORTS(8000), TEXTS("vllm:"), NONE},
    {"triton", "Triton", "inferences, queue, GPU by model", NONE, TEXTS("tritonserver"),
     PORTS(8002), TEXTS("nv_inference_"), NONE},
    {"tgi", "Text Generation Inference", "queue, batch, requests", NONE,
     TEXTS("text-generation-launcher", "text-generation-router"), NONE, TEXTS("tgi_"), NONE},
    {"llama-cpp", "llama.cpp", "requests, tokens per second", NONE, TEXTS("llama-server"),
     PORTS(8080), TEXTS("llamacpp:"), NONE},
    {"whisper-server", "Whisper", "transcriptions, speed", NONE, TEXTS("whisper-server"), NONE,
     TEXTS("whisperx_", "whisperlive_"), NONE},
    {"ollama", "Ollama", NULL, TEXTS("ollama serve"), TEXTS("ollama"), PORTS(11434),
     TEXTS("ollama_"), PATHS({.path = "/api/version", .json = "version"})},
    {"comfyui", "ComfyUI", NULL, TEXTS("ComfyUI.*main\\.py"), NONE, PORTS(8188), TEXTS("comfyui_"),
     PATHS({.path = "/system_stats", .json = "system"})},
    {"rabbitmq", "RabbitMQ", "queues, connections, alarms", TEXTS("beam\\.smp .*rabbit"), NONE,
     PORTS(15692), TEXTS("rabbitmq_"), NONE},
};
const size_t recognisers_n = ARRAY_LEN(recognisers);
