export function ExplorePage() {
  return <h1 class="title">Explore</h1>;
}
