/* From options to a scene that can be rendered. */
#ifndef SCENE_H
#define SCENE_H

#include "config.h"
#include "options.h"

void scene_build(const Options *options, Scene *scene);
void scene_free(Scene *scene);

#endif
