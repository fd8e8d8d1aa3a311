/* Mosaic domains: how many, and how each is turned. */
#include "mosaic.h"

#include "errors.h"

#define DOMAINS_OF_SPREAD_ALONE 10

/* Number of domains from what was given; spread 0 means one domain and one domain means the identity. */
void mosaic_build(const Options *o, Crystal *crystal)
{
    int domains = o->mosaic_domains;
    crystal->mosaic_spread = o->mosaic_spread > 0.0 ? o->mosaic_spread : 0.0;
    crystal->mosaic_domains = domains > 0 ? domains : 1;
    if (crystal->mosaic_spread == 0.0) {
        if (crystal->mosaic_domains > 1)
            warn("-mosaic_domains has no effect without a mosaic spread: one domain");
        crystal->mosaic_domains = 1;
    } else if (domains <= 0) {
        warn("a mosaic spread without -mosaic_domains: using %d domains", DOMAINS_OF_SPREAD_ALONE);
        crystal->mosaic_domains = DOMAINS_OF_SPREAD_ALONE;
    }
}

/* Draw a rotation within the spread for each domain, in order; the first is replaced by the identity after
 * its numbers are drawn. */
void mosaic_draw(const Options *o, Shuffle *shuffle, Crystal *crystal)
{
    StreamState state = -(StreamState)o->mosaic_seed;
    int i;
    crystal->domains = allocate((size_t)crystal->mosaic_domains, sizeof *crystal->domains, "mosaic domains");
    for (i = 0; i < crystal->mosaic_domains; i++)
        crystal->domains[i] = cap_rotation(shuffle, &state, (float)crystal->mosaic_spread);
    crystal->domains[0].row[0] = vector(1.0, 0.0, 0.0);
    crystal->domains[0].row[1] = vector(0.0, 1.0, 0.0);
    crystal->domains[0].row[2] = vector(0.0, 0.0, 1.0);
}

/* The cell of a domain: U a, U b, U c. */
Basis mosaic_turn(const Crystal *crystal, Basis cell, int domain)
{
    if (crystal->mosaic_spread > 0.0) {
        cell.a = transform(crystal->domains[domain], cell.a);
        cell.b = transform(crystal->domains[domain], cell.b);
        cell.c = transform(crystal->domains[domain], cell.c);
    }
    return cell;
}
