/* SMV images: headers and masks read, the int image written. */
#include "io_smv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detector.h"
#include "errors.h"
#include "io_text.h"
#include "units.h"

#define HEADER_BLOCK 512
#define HEADER_START "{\nHEADER_BYTES="
#define LONGEST_VALUE 64
#define LARGEST_INT_PIXEL 65535.0

/* ---- headers read ------------------------------------------------------------------------------ */

/* Whether a character can be part of a keyword. */
static int in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* What stands after the last "KEY=" of the header, KEY as a whole word, up to one of the characters `ends`; 0 when
 * there is none. The token holds LONGEST_VALUE characters. */
static int header_token(const char *header, const char *key, const char *ends, char *token)
{
    const char *at, *found = NULL;
    size_t size = strlen(key), length;
    for (at = strstr(header, key); at != NULL; at = strstr(at + 1, key)) {
        const char *after = at + size + strspn(at + size, " \t");
        if ((at == header || !in_word(at[-1])) && *after == '=')
            found = after + 1 + strspn(after + 1, " \t");
    }
    if (found == NULL)
        return 0;
    length = strcspn(found, ends);
    if (length >= LONGEST_VALUE)
        length = LONGEST_VALUE - 1;
    memcpy(token, found, length);
    token[length] = '\0';
    return 1;
}

/* The number after the last "KEY=" of the header; 0 when there is none. */
static int header_number(const char *path, const char *header, const char *key, double *value)
{
    char token[LONGEST_VALUE];
    if (!header_token(header, key, "; \t\r\n}", token))
        return 0;
    if (!parse_real(token, value))
        fail("%s: header item %s: '%s' is not a number", path, key, token);
    return 1;
}

/* Bytes of a pixel by the type that a header declares: TYPE of SMV, Data_type of d*TREK; 16 bits where it says
 * nothing. Which byte comes first does not matter to what is 0. */
static int pixel_bytes(const char *path, const char *header)
{
    static const struct {
        const char *type;
        int bytes;
    } known[] = {{"unsigned_char", 1}, {"signed_char", 1}, {"unsigned_short", 2}, {"signed_short", 2},
                 {"unsigned_long", 4}, {"signed_long", 4}, {"unsigned char", 1}, {"signed char", 1},
                 {"unsigned short int", 2}, {"short int", 2}, {"unsigned long int", 4}, {"long int", 4}};
    const char *key = "TYPE";
    char token[LONGEST_VALUE];
    size_t i;
    if (!header_token(header, key, ";\r\n}", token)) {
        key = "Data_type";
        if (!header_token(header, key, ";\r\n}", token))
            return 2;
    }
    for (i = strlen(token); i > 0 && (token[i - 1] == ' ' || token[i - 1] == '\t'); i--)
        token[i - 1] = '\0';
    for (i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(token, known[i].type) == 0)
            return known[i].bytes;
    fail("%s: header item %s: pixels of type '%s' are not read as a mask; unsigned_short, signed_long and their like "
         "are", path, key, token);
    return 0;
}

/* Read a whole SMV file and cut its header off as a string of its own; the caller frees both. */
static char *read_header(const char *path, Text *text, size_t *header_bytes)
{
    double size = 0.0;
    char *header;
    read_bytes(path, text);
    if (text->length < HEADER_BLOCK)
        fail("%s: %lu bytes are too few for an SMV header of %d", path, (unsigned long)text->length,
             HEADER_BLOCK);
    if (strncmp(text->data, HEADER_START, strlen(HEADER_START)) != 0)
        fail("%s: this is no SMV image (it does not start with '{', newline, 'HEADER_BYTES=')", path);
    header_number(path, text->data, "HEADER_BYTES", &size);
    if (!(size >= HEADER_BLOCK && size <= (double)text->length))
        fail("%s: header item HEADER_BYTES: %g bytes in a file of %lu", path, size,
             (unsigned long)text->length);
    *header_bytes = (size_t)size;
    header = allocate(*header_bytes + 1, 1, path);
    memcpy(header, text->data, *header_bytes);
    return header;
}

/* One header item in the units of its option, where it is present. */
static void take(const char *path, const char *header, const char *key, double divisor, double *target)
{
    double value;
    if (header_number(path, header, key, &value))
        *target = value / divisor;
}

static int header_count(const char *path, const char *header, const char *key)
{
    double value = 0.0;
    if (header_number(path, header, key, &value) && !(value >= 0.0 && value < 1e9 && value == floor(value)))
        fail("%s: header item %s: %g is not a number of pixels", path, key, value);
    return (int)value;
}

/* Pixels along fast and slow; 0 where they are not given. */
static void header_shape(const char *path, const char *header, int *fast, int *slow)
{
    *fast = header_count(path, header, "SIZE1");
    *slow = header_count(path, header, "SIZE2");
    if (*fast == 0)
        *fast = *slow = header_count(path, header, "DETECTOR_DIMENSIONS");
}

/* Let the header of an image or a mask set what the command line may still change. A mask counts the beam
 * centre along y from the other edge. An oscillation of 0 is a still. */
void apply_header(const char *path, HeaderUse use, Options *o)
{
    Text text;
    size_t header_bytes;
    char *header = read_header(path, &text, &header_bytes);
    double oscillation = 0.0, y = NAN;
    int fast, slow;
    header_shape(path, header, &fast, &slow);
    if (fast > 0 && slow > 0) {
        o->pixels[0] = fast;
        o->pixels[1] = slow;
    }
    take(path, header, "PIXEL_SIZE", MM_PER_METRE, &o->pixel_size_m);
    take(path, header, "DISTANCE", MM_PER_METRE, &o->distance_m);
    take(path, header, "CLOSE_DISTANCE", MM_PER_METRE, &o->close_distance_m);
    take(path, header, "WAVELENGTH", ANGSTROM_PER_METRE, &o->wavelength_m);
    take(path, header, "BEAM_CENTER_X", MM_PER_METRE, &o->beam_centre_m[0]);
    take(path, header, "BEAM_CENTER_Y", MM_PER_METRE, &y);
    take(path, header, "ORGX", 1.0, &o->origin_pixels[0]);
    take(path, header, "ORGY", 1.0, &o->origin_pixels[1]);
    take(path, header, "PHI", DEGREES_PER_RADIAN, &o->phi);
    take(path, header, "OSC_RANGE", DEGREES_PER_RADIAN, &oscillation);
    take(path, header, "TWOTHETA", DEGREES_PER_RADIAN, &o->twotheta);
    if (oscillation != 0.0)
        o->oscillation = oscillation;
    if (!isnan(y))
        o->beam_centre_m[1] = use == HEADER_OF_MASK ? slow * o->pixel_size_m - y : y;
    free(header);
    free_text(&text);
}

/* The pixels of a mask, for a detector no larger than it: 0 where nothing is rendered. */
unsigned char *read_mask(const char *path, const Detector *d)
{
    Text text;
    size_t header_bytes;
    char *header = read_header(path, &text, &header_bytes);
    int fast, slow, i, j;
    int width = pixel_bytes(path, header), byte;
    const unsigned char *data = (const unsigned char *)text.data + header_bytes;
    unsigned char *mask, *pixel;
    header_shape(path, header, &fast, &slow);
    free(header);
    if (fast < d->fast_pixels || slow < d->slow_pixels)
        fail("%s: a mask of %d x %d pixels for a detector of %d x %d", path, fast, slow, d->fast_pixels,
             d->slow_pixels);
    if ((text.length - header_bytes) / (size_t)width < checked_product((size_t)fast, (size_t)slow, path))
        fail("%s: %d x %d pixels need %lu bytes, %lu found", path, fast, slow,
             (unsigned long)width * (unsigned long)fast * (unsigned long)slow, (unsigned long)(text.length - header_bytes));
    mask = pixel = allocate((size_t)d->fast_pixels * (size_t)d->slow_pixels, 1, path);
    for (i = 0; i < d->slow_pixels; i++)
        for (j = 0; j < d->fast_pixels; j++) {
            const unsigned char *value = data + (size_t)width * ((size_t)i * (size_t)fast + (size_t)j);
            for (*pixel = 0, byte = 0; byte < width; byte++)
                *pixel |= value[byte] != 0;
            pixel++;
        }
    free_text(&text);
    return mask;
}

/* ---- the int image ----------------------------------------------------------------------------- */

/* The header for a stated number of bytes; returns its own length, form feed included. */
static int print_header(char *text, size_t room, const Scene *scene, int header_bytes)
{
    const Detector *d = &scene->detector;
    const Spindle *s = &scene->spindle;
    const double mm = MM_PER_METRE, px = d->pixel_size_m, deg = DEGREES_PER_RADIAN;
    int n = snprintf(text, room, "{\nHEADER_BYTES=%d;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n",
                     header_bytes);
    n += snprintf(text + n, room - (size_t)n, "SIZE1=%d;\nSIZE2=%d;\nPIXEL_SIZE=%g;\nDISTANCE=%g;\nWAVELENGTH=%g;\n",
                  d->fast_pixels, d->slow_pixels, px * mm, d->distance_m * mm,
                  scene->beam.wavelength_m * ANGSTROM_PER_METRE);
    n += snprintf(text + n, room - (size_t)n, "BEAM_CENTER_X=%g;\nBEAM_CENTER_Y=%g;\n", d->x_beam_m * mm,
                  d->y_beam_m * mm);
    n += snprintf(text + n, room - (size_t)n, "ADXV_CENTER_X=%g;\nADXV_CENTER_Y=%g;\n", d->fast_beam_m * mm,
                  (d->slow_size_m - d->slow_beam_m) * mm);
    n += snprintf(text + n, room - (size_t)n, "MOSFLM_CENTER_X=%g;\nMOSFLM_CENTER_Y=%g;\n",
                  (d->slow_beam_m - 0.5 * px) * mm, (d->fast_beam_m - 0.5 * px) * mm);
    n += snprintf(text + n, room - (size_t)n, "DENZO_X_BEAM=%g;\nDENZO_Y_BEAM=%g;\n", d->slow_beam_m * mm,
                  d->fast_beam_m * mm);
    Vector dials = dials_origin_mm(d);
    n += snprintf(text + n, room - (size_t)n, "DIALS_ORIGIN=%g,%g,%g\n", dials.x, dials.y, dials.z);
    n += snprintf(text + n, room - (size_t)n, "XDS_ORGX=%g;\nXDS_ORGY=%g;\nCLOSE_DISTANCE=%g;\n",
                  d->fast_close_m / px + 0.5, d->slow_close_m / px + 0.5, d->close_distance_m * mm);
    n += snprintf(text + n, room - (size_t)n, "PHI=%g;\nOSC_START=%g;\nOSC_RANGE=%g;\n", s->phi_start * deg,
                  s->phi_start * deg, s->oscillation * deg);
    n += snprintf(text + n, room - (size_t)n, "TWOTHETA=%g;\nDETECTOR_SN=000;\nBEAMLINE=fake;\n}\f",
                  d->twotheta * deg);
    return n;
}

/* floor(x*scale + adc + 0.5) in float32, after clamping to 0..65535. */
static unsigned int int_pixel(float x, double scale, double adc_offset)
{
    double value = x * scale + adc_offset;
    value = value < LARGEST_INT_PIXEL ? value : LARGEST_INT_PIXEL;
    value = value > 0.0 ? value : 0.0;
    return (unsigned int)floorf((float)(value + 0.5));
}

/* A header of as many blocks of 512 bytes as it needs, then 16-bit pixels, low byte first; 0 outside the
 * region of interest. Returns 0 when the file took every byte. */
int write_smv(FILE *file, const Scene *scene, const float *image, double scale, double adc_offset)
{
    char text[4 * HEADER_BLOCK];
    int header_bytes = HEADER_BLOCK, length, slow, fast;
    const int *roi = scene->sampling.roi;
    while ((length = print_header(text, sizeof text, scene, header_bytes)) > header_bytes)
        header_bytes += HEADER_BLOCK;
    fprintf(file, "%s%*s", text, header_bytes - length, "");
    for (slow = 0; slow < scene->detector.slow_pixels; slow++)
        for (fast = 0; fast < scene->detector.fast_pixels; fast++) {
            size_t i = (size_t)slow * (size_t)scene->detector.fast_pixels + (size_t)fast;
            int inside = fast >= roi[0] && fast <= roi[1] && slow >= roi[2] && slow <= roi[3];
            unsigned int value = inside ? int_pixel(image[i], scale, adc_offset) : 0;
            putc((int)(value & 0xffU), file);
            putc((int)(value >> 8), file);
        }
    return ferror(file) ? -1 : 0;
}
