mod bodies;
mod connections;
mod forms;
mod scene;
mod secrets;
mod slugs;
