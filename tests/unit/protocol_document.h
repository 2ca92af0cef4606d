/* docs/protocol.md, made from the tables of messages and operations. */
#ifndef TESTS_PROTOCOL_DOCUMENT_H
#define TESTS_PROTOCOL_DOCUMENT_H

/* The whole document. free() it. */
char *protocol_document_compose(void);

#endif
