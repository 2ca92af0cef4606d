/* The admin API: what tests look at and turn. Every call needs the app token. */
#ifndef DEVNET_ADMIN_H
#define DEVNET_ADMIN_H

struct exchange;

void admin_violations(struct exchange *exchange);
void admin_forget_violations(struct exchange *exchange);
void admin_requests(struct exchange *exchange);
void admin_data(struct exchange *exchange);
void admin_uploads(struct exchange *exchange);
void admin_nodes(struct exchange *exchange);
void admin_list_faults(struct exchange *exchange);
void admin_add_faults(struct exchange *exchange);
void admin_replace_faults(struct exchange *exchange);
void admin_clear_faults(struct exchange *exchange);
void admin_show_settings(struct exchange *exchange);
void admin_change_settings(struct exchange *exchange);
void admin_override(struct exchange *exchange);
void admin_clear_overrides(struct exchange *exchange);
void admin_revoke_tokens(struct exchange *exchange);
void admin_expire_leases(struct exchange *exchange);
void admin_forget_nodes(struct exchange *exchange);
void admin_call_back(struct exchange *exchange);

#endif
