/* Prints docs/protocol.md. */
#include "tests/unit/protocol_document.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *text = protocol_document_compose();
    fputs(text, stdout);
    free(text);
    return 0;
}
