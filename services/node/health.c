#include "services/node/health.h"

#include "libcommon/service/health_question.h"

#include <stdio.h>

int node_health(void)
{
    struct health_answer answers[SERVICE_COUNT];
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        answers[id].service = id;
    health_question_ask(health_question_runtime_dir(), answers, SERVICE_COUNT);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        printf("%-8s %s\n", service_name(id), answers[id].text);
    return (int)health_question_sum(answers, SERVICE_COUNT);
}
